"""What is done with a batch of messages: one transaction, or as many as it takes to find the guilty one."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

import structlog

from onhand.common.database import Transactions
from onhand.common.database_errors import takes_too_long
from onhand.common.messaging.bundles import divide
from onhand.common.messaging.dead_keys import DeadKeys
from onhand.common.messaging.dead_letters import Place, bury, park, read_letter, reason_of
from onhand.common.messaging.entries import Delivery, Entry
from onhand.common.messaging.subscriptions import Subscription, Subscriptions
from onhand.common.messaging.unit_of_work import Committed, UnitOfWork
from onhand.common.metrics import OTHER, BatchMetrics
from onhand.common.retry import is_transient
from onhand.common.telemetry import Tally

Tell = Callable[[Committed], Awaitable[None]]
"""Tells at once what was committed."""

ATTEMPTS = 5
"""How often a message is tried before it is a dead letter."""
_ATTEMPT_SECONDS = 0.02
_PATIENCE = 3

_log = structlog.get_logger()


class Batches:
    """Handles batches of messages for one consumer.

    Args:
        subscriptions: what to handle, all on one topic; in a batch, messages of an earlier one are handled first.
        unit: runs each transaction.
        dead_keys: of this process.
        place: where the entries are read.
        size: most messages in one transaction.
    """

    def __init__(
        self, subscriptions: Sequence[Subscription], unit: UnitOfWork, dead_keys: DeadKeys, place: Place, size: int
    ) -> None:
        self._subscriptions = Subscriptions(subscriptions)
        self._unit = unit
        self._dead_keys = dead_keys
        self._place = place
        self._size = size
        self._timeouts = 0
        self._metrics = BatchMetrics(unit.service, subscriptions[0].message.TOPIC, self._subscriptions.types)
        self.tally = Tally("handled", self._metrics.messages)
        self._repeated = Tally("told again of what is parked")

    async def process(self, entries: Sequence[Entry], transactions: Transactions, tell: Tell) -> Committed:
        """Handle entries in one transaction; if that fails, halve until the guilty message is alone, and bury it.

        More than go into one transaction are handled in several, and messages with the key of a dead letter are parked
        behind it. An entry may thus be done in parts.

        Returns:
            What is committed and not told yet: all, or the last part.

        Raises:
            Exception: transient; entries that are not told, or not in all of their parts, are to be read again.
        """
        committed = Committed()
        for some in _portions(entries, self._size):
            await tell(committed)
            committed = await self._process(some, transactions, tell)
        self._timeouts = 0
        return committed

    async def _process(
        self, entries: Sequence[Entry], transactions: Transactions, tell: Tell, attempt: int = 1
    ) -> Committed:
        if not self._dead_keys.is_empty:
            entries = await self._park(await self._open(entries, transactions, tell), transactions, tell)
        try:
            return await self._commit(entries, transactions)
        except Exception as error:
            may_pass = self._may_pass(error)
            self._metrics.failed(transient=may_pass)
            if may_pass:
                raise
            if len(entries) > 1:
                middle = len(entries) // 2
                await tell(await self._process(entries[:middle], transactions, tell))
                return await self._process(entries[middle:], transactions, tell)
            if parts := divide(entries[0]):
                return await self._process_parts(entries[0], parts, transactions, tell)
            if attempt < ATTEMPTS:
                await pause_after(attempt)
                return await self._process(entries, transactions, tell, attempt + 1)
            return await self._bury(entries[0], error, transactions)

    async def _process_parts(
        self, entry: Entry, parts: Sequence[Entry], transactions: Transactions, tell: Tell
    ) -> Committed:
        """Handle the parts of a bundle as if they had come alone; it is done when all of them are."""

        async def tell_only(committed: Committed) -> None:
            await tell(committed._replace(delivery=committed.delivery._replace(done=())))

        await tell_only(await self._process(parts, transactions, tell_only))
        return Committed(Delivery(done=[entry]))

    async def _open(self, entries: Sequence[Entry], transactions: Transactions, tell: Tell) -> Sequence[Entry]:
        """Handle bundles of which a part may have to wait by their parts; returns the other entries."""
        others = []
        for entry in entries:
            parts = divide(entry)
            if any(map(self._may_have_to_wait, parts)):
                await tell(await self._process_parts(entry, parts, transactions, tell))
            else:
                others.append(entry)
        return others

    def _may_have_to_wait(self, entry: Entry) -> bool:
        key = read_letter(entry, self._subscriptions).key
        return key is not None and self._dead_keys.may_hold(key)

    def _may_pass(self, error: Exception) -> bool:
        """Whether the same entries are to be tried again later.

        When a statement takes too long, the server may be slow, or a message may be to blame: nobody can tell. So that
        one message does not hold up the others for ever, it is looked for after a few times, and set aside.
        """
        if takes_too_long(error):
            self._timeouts += 1
            return self._timeouts < _PATIENCE
        return is_transient(error)

    async def _commit(self, entries: Sequence[Entry], transactions: Transactions) -> Committed:
        messages = self._subscriptions.sort(entries)
        committed = Committed(Delivery(done=entries))
        passed_over = sum([entry.messages for entry in entries])
        if messages:
            began = time.perf_counter()
            committed = await self._unit.commit(partial(self._subscriptions.handle, messages), transactions, entries)
            self._metrics.committed(passed_over, time.perf_counter() - began)
        for subscription, batch in messages.items():
            self.tally.add(subscription.message.TYPE, len(batch))
            passed_over -= len(batch)
        if passed_over > 0:  # a name that somebody made up may say less than there is
            self.tally.add(OTHER, passed_over)
        return committed

    async def _bury(self, entry: Entry, error: Exception, transactions: Transactions) -> Committed:
        """Keep a message as a dead letter, or, if it may be the server that is slow, until it gets through."""
        letter = read_letter(entry, self._subscriptions)
        is_set_aside = takes_too_long(error)
        if is_set_aside and letter.is_query:
            _log.error("query dropped, it takes too long", **letter.facts())
            return Committed(Delivery(done=[entry]))
        async with transactions.transaction() as tx:
            await bury(tx, letter, self._place, error, ATTEMPTS, retry=is_set_aside)
        if letter.key is not None:
            self._dead_keys.add(letter.key)
        self._metrics.buried("failed")
        what = "message set aside, to be tried again until it gets through" if is_set_aside else "message buried"
        _log.error(what, **letter.facts(), error=reason_of(error))
        return Committed(Delivery(done=[entry]))

    async def _park(self, entries: Sequence[Entry], transactions: Transactions, tell: Tell) -> Sequence[Entry]:
        """Park the messages that have something to wait for; returns the others."""
        letters = [read_letter(entry, self._subscriptions) for entry in entries]
        suspects = [letter for letter in letters if letter.key is not None and self._dead_keys.may_hold(letter.key)]
        if not suspects:
            return entries
        async with transactions.transaction() as tx:
            parked, repeated = await park(tx, suspects, self._place)
        for letter in parked:
            self._metrics.buried("parked")
            _log.warning("message parked behind a dead letter", **letter.facts())
        for letter in repeated:
            self._repeated.add(str(letter.type), 1)
        waiting = [letter.entry for letter in (*parked, *repeated)]
        await tell(Committed(Delivery(done=waiting)))
        return [entry for entry in entries if entry not in waiting]


def _portions(entries: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    """As many entries at a time as have so many messages; one that has more comes alone."""
    first, messages = 0, 0
    for number, entry in enumerate(entries):
        messages += entry.messages
        if messages > size and number > first:
            yield entries[first:number]
            first, messages = number, entry.messages
    if entries:
        yield entries[first:]


async def pause_after(attempt: int) -> None:
    """Wait before the next attempt: two replicas that decide one order at once collide, and the next try is fine."""
    await asyncio.sleep(_ATTEMPT_SECONDS * attempt)
