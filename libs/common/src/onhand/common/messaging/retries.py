"""Works off dead letters: those that somebody wants to be tried again, and what was parked behind them."""

import asyncio
from collections.abc import Sequence
from itertools import count

import structlog

from onhand.common.database import Database, Transaction
from onhand.common.database_errors import takes_too_long
from onhand.common.messaging.batches import ATTEMPTS, pause_after
from onhand.common.messaging.dead_letters import reason_of
from onhand.common.messaging.entries import Entry
from onhand.common.messaging.envelope import Effect
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.subscriptions import Subscription, Subscriptions
from onhand.common.messaging.unit_of_work import UnitOfWork
from onhand.common.metrics import RetryMetrics
from onhand.common.retry import is_transient

_MOST_AT_ONCE = 1000

# Of each key only the first row is ever due. Where nothing is parked and nothing marked, both indexes are empty.
_DUE = """
    SELECT first.id
    FROM (SELECT DISTINCT key FROM dead_letters WHERE state = 'parked') AS waiting
    CROSS JOIN LATERAL (SELECT id, state FROM dead_letters WHERE key = waiting.key ORDER BY id LIMIT 1) AS first
    WHERE first.state = 'parked'
    UNION
    SELECT id FROM dead_letters AS it WHERE retry
        AND NOT EXISTS (SELECT FROM dead_letters AS other WHERE other.key = it.key AND other.id < it.id)
    ORDER BY id LIMIT $1
"""
# What was the first of its key still is, unless another replica has just handled it, or failed on it.
_TAKE = """
    SELECT key, type, message_id, topic, entry_id, payload FROM dead_letters
    WHERE id = $1 AND (state = 'parked' OR retry)
    FOR UPDATE SKIP LOCKED
"""
_FAILED_AGAIN = """
    UPDATE dead_letters
    SET state = 'failed', retry = false, error = $2, attempts = attempts + $3,
        first_failed_at = coalesce(first_failed_at, statement_timestamp()), last_failed_at = statement_timestamp()
    WHERE id = $1 AND (state = 'parked' OR retry)
    RETURNING type, key, message_id
"""

_log = structlog.get_logger()


class Retries:
    """Handles dead letters as their consumer would have, the first of each key first.

    A message's effect, what follows from it and the end of its row are one transaction, so a crash leaves either all of
    it or none. Several replicas may do this at once: who handles a row has it locked, and the others skip it.

    Args:
        subscriptions: everything the service handles, queries too.
        unit: runs each transaction.
        database: of the service.
        streams: where to tell what follows.
    """

    def __init__(
        self, subscriptions: Sequence[Subscription], unit: UnitOfWork, database: Database, streams: Streams
    ) -> None:
        self._subscriptions = Subscriptions(subscriptions)
        self._unit = unit
        self._metrics = RetryMetrics(unit.service)
        self._database = database
        self._streams = streams

    async def work_off(self, stopping: asyncio.Event) -> None:
        """Handle what is due, and then what was parked behind it, unless `stopping` is set.

        What takes too long stays due, and holds up nothing but what is parked behind it.

        Raises:
            Exception: transient; the rest is due next time.
        """
        async with self._database.transaction() as tx:
            due = [row["id"] for row in await tx.fetch(_DUE, _MOST_AT_ONCE)]
        too_long: Exception | None = None
        for row_id in due:
            next_id: int | None = row_id
            try:
                while next_id is not None and not stopping.is_set():
                    next_id = await self._try(next_id)
            except Exception as error:
                if not takes_too_long(error):
                    raise
                too_long = error
        await self._unit.tidy(self._database)
        if too_long is not None:
            raise too_long

    async def _try(self, row_id: int) -> int | None:
        """Handle one, or note that it failed again; returns the row that has become the first of its key."""
        for attempt in count(1):
            try:
                return await self._handle(row_id)
            except Exception as error:
                if is_transient(error):
                    raise
                if attempt == ATTEMPTS:
                    await self._note_failure(row_id, error)
                    break
            await pause_after(attempt)
        return None

    async def _handle(self, row_id: int) -> int | None:
        facts: dict[str, object] = {}
        next_id: int | None = None

        async def work(tx: Transaction) -> Sequence[Effect]:
            nonlocal facts, next_id
            row = await tx.fetchrow(_TAKE, row_id)
            if row is None:
                return ()
            messages = self._subscriptions.sort([Entry(row["topic"], row["entry_id"].encode(), row["payload"])])
            if not messages:
                raise LookupError("no handler takes this type of message any more")
            effects = await self._subscriptions.handle(messages, tx)
            await tx.execute("DELETE FROM dead_letters WHERE id = $1", row_id)
            next_id = await tx.fetchval("SELECT min(id) FROM dead_letters WHERE key = $1", row["key"])
            facts = {"type": row["type"], "key": row["key"], "message": row["message_id"]}
            return effects

        committed = await self._unit.commit(work, self._database)
        if facts:
            self._metrics.handled.inc()
            _log.info("dead letter handled", id=row_id, **facts)
        await self._unit.tell(committed, self._streams)
        return next_id

    async def _note_failure(self, row_id: int, error: Exception) -> None:
        async with self._database.transaction() as tx:
            row = await tx.fetchrow(_FAILED_AGAIN, row_id, reason_of(error), ATTEMPTS)
        if row is not None:
            self._metrics.failed.inc()
            facts = {"type": row["type"], "key": row["key"], "message": row["message_id"]}
            _log.error("dead letter failed again", id=row_id, **facts, error=reason_of(error))
