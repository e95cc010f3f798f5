"""The outbox: events are written with the state they tell of, in one transaction, and published after it.

One row holds the events of one batch. It is deleted by the transaction of a later batch, so that a published row costs
no transaction of its own. What stays behind because a process died between COMMIT and publishing, or because Redis was
away, is published by the sweeper of any replica. An event may therefore be published twice, and never not at all.
"""

from collections.abc import Sequence

from onhand.common.database import Database, Transaction
from onhand.common.messaging.streams import Streams

SWEEP_AGE_SECONDS = 5.0
"""Rows younger than this are taken to be in the hands of whoever wrote them."""
_SWEEP_ROWS = 20


class Outbox:
    """The outbox of one process.

    It remembers which of its rows are published, to delete them when there is a transaction to do it in.
    """

    def __init__(self) -> None:
        self._published: list[int] = []

    async def write(self, tx: Transaction, messages: Sequence[tuple[str, bytes]]) -> int | None:
        """Store (topic, payload) pairs; returns the row's id, or None if there was nothing to store."""
        if not messages:
            return None
        topics, payloads = zip(*messages, strict=True)
        row: int = await tx.fetchval(
            "INSERT INTO outbox (topics, payloads) VALUES ($1, $2) RETURNING id", topics, payloads
        )
        return row

    @property
    def holds_published(self) -> bool:
        """Whether there are published rows to delete."""
        return bool(self._published)

    def published(self, row: int) -> None:
        """Note that a row's events are on their streams."""
        self._published.append(row)

    async def delete_published(self, tx: Transaction) -> list[int]:
        """Delete the rows noted as published; returns their ids for `forget` once the transaction is committed."""
        rows = self._published.copy()
        if rows:
            await tx.execute("DELETE FROM outbox WHERE id = ANY($1)", rows)
        return rows

    def forget(self, rows: Sequence[int]) -> None:
        """Note that these rows are deleted and the deletion committed."""
        gone = set(rows)
        self._published = [row for row in self._published if row not in gone]


async def sweep(database: Database, streams: Streams, group: str) -> int:
    """Publish what was left behind, and delete it; returns the number of events.

    Rows that another replica is sweeping are skipped. A crash after publishing and before COMMIT publishes them again.

    Raises:
        Unavailable: Redis is away; the rows stay.
    """
    count = 0
    async with database.transaction() as tx:
        rows = await tx.fetch(
            """
            SELECT id, topics, payloads FROM outbox
            WHERE written_at < now() - make_interval(secs => $1)
            ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
            """,
            SWEEP_AGE_SECONDS,
            _SWEEP_ROWS,
        )
        for row in rows:
            messages = list(zip(row["topics"], row["payloads"], strict=True))
            await streams.deliver(group, messages, {}, ())
            count += len(messages)
        await tx.execute("DELETE FROM outbox WHERE id = ANY($1)", [row["id"] for row in rows])
    return count
