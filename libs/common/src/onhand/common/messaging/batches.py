"""What is done with a batch of entries: one transaction, or as many as it takes to find the guilty one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from onhand.common.contracts import Command, Event, Query
from onhand.common.database import Transaction, Transactions
from onhand.common.messaging.dead_letters import bury
from onhand.common.messaging.envelope import Effect, Received, decode, read_as
from onhand.common.messaging.streams import Delivery, Entry
from onhand.common.messaging.unit_of_work import Committed, UnitOfWork
from onhand.common.retry import is_transient
from onhand.common.telemetry import Tally

Handler = Callable[[Sequence[Received[Any]], Transaction], Awaitable[Sequence[Effect]]]
"""Handles all messages of one type in a batch, in the order they came. It may see any of them again, late or early."""

Tell = Callable[[Committed], Awaitable[None]]
"""Tells at once what was committed."""

_ATTEMPTS = 5
_ATTEMPT_SECONDS = 0.02


class Subscription(NamedTuple):
    """Which handler takes which message."""

    message: type[Command | Query | Event]
    handler: Handler


class Batches:
    """Handles batches of entries for one consumer.

    Args:
        subscriptions: what to handle; in a batch, messages of an earlier subscription are handled first.
        unit: runs each transaction.
    """

    def __init__(self, subscriptions: Sequence[Subscription], unit: UnitOfWork) -> None:
        self._subscriptions = {subscription.message.TYPE: subscription for subscription in subscriptions}
        self._unit = unit
        self.tally = Tally("handled")

    async def process(
        self, entries: Sequence[Entry], transactions: Transactions, tell: Tell, attempt: int = 1
    ) -> Committed:
        """Handle entries in one transaction; if that fails, halve until the guilty entry is alone, and bury it.

        Returns:
            What is committed and not told yet: all, or after halving the last part.

        Raises:
            Exception: transient; entries that are not told are to be read again.
        """
        try:
            return await self._commit(entries, transactions)
        except Exception as error:
            if is_transient(error):
                raise
            if len(entries) > 1:
                middle = len(entries) // 2
                await tell(await self.process(entries[:middle], transactions, tell))
                return await self.process(entries[middle:], transactions, tell)
            if attempt < _ATTEMPTS:  # two replicas deciding one order at once collide, and the next try is fine
                await asyncio.sleep(_ATTEMPT_SECONDS * attempt)
                return await self.process(entries, transactions, tell, attempt + 1)
            return await self._unit.commit(partial(_bury, entries[0], error), transactions, entries)

    async def _commit(self, entries: Sequence[Entry], transactions: Transactions) -> Committed:
        batches = self._sort(entries)
        if not batches:
            return Committed(Delivery(done=entries))
        committed = await self._unit.commit(partial(self._handle, batches), transactions, entries)
        for subscription, batch in batches.items():
            self.tally.add(subscription.message.TYPE, len(batch))
        return committed

    def _sort(self, entries: Sequence[Entry]) -> dict[Subscription, list[Received[Any]]]:
        """Decode the messages that are subscribed to, by subscription; others on the same topics are passed over."""
        batches: dict[Subscription, list[Received[Any]]] = {}
        for entry in entries:
            if entry.payload is None:
                continue
            envelope = decode(entry.payload)
            subscription = self._subscriptions.get(envelope.type)
            if subscription is not None:
                received = Received(read_as(subscription.message, envelope), envelope)
                batches.setdefault(subscription, []).append(received)
        return batches

    async def _handle(
        self, batches: Mapping[Subscription, Sequence[Received[Any]]], tx: Transaction
    ) -> Sequence[Effect]:
        effects: list[Effect] = []
        for subscription in self._subscriptions.values():
            if batch := batches.get(subscription):
                effects += await subscription.handler(batch, tx)
        return effects


async def _bury(entry: Entry, error: Exception, tx: Transaction) -> Sequence[Effect]:
    await bury(tx, entry, error)
    return ()
