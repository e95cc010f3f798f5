"""The batch consumer: reads what has queued, runs the handlers in one transaction, publishes, acknowledges.

There is no timer and no waiting for a batch to fill: a batch is whatever queued while the last one was committed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from onhand.common.backoff import Backoff
from onhand.common.contracts import Command, Event, Query
from onhand.common.database import Transaction
from onhand.common.messaging.dead_letters import bury
from onhand.common.messaging.envelope import Effect, Received, decode, read_as
from onhand.common.messaging.streams import Entry, Streams
from onhand.common.messaging.unit_of_work import UnitOfWork
from onhand.common.retry import is_transient
from onhand.common.telemetry import Tally, Trouble

Handler = Callable[[Sequence[Received[Any]], Transaction], Awaitable[Sequence[Effect]]]
"""Handles all messages of one type in a batch, in the order they came. It may see any of them again, late or early."""

_BLOCK_MS = 250
_ATTEMPTS = 5
_ATTEMPT_SECONDS = 0.02


class Subscription(NamedTuple):
    """Which handler takes which message."""

    message: type[Command | Query | Event]
    handler: Handler


class Consumer:
    """Reads the topics of its subscriptions as one member of the service's consumer group.

    Args:
        subscriptions: what to handle; in a batch, messages of an earlier subscription are handled first.
        unit: runs each batch.
        streams: where to read.
        name: this replica's name in the group; the same after a restart, so that it finds its unfinished work.
        batch_size: most messages in one transaction.
    """

    def __init__(
        self, subscriptions: Sequence[Subscription], unit: UnitOfWork, streams: Streams, *, name: str, batch_size: int
    ) -> None:
        self._subscriptions = {subscription.message.TYPE: subscription for subscription in subscriptions}
        self._topics = list(dict.fromkeys(subscription.message.TOPIC for subscription in subscriptions))
        self._unit = unit
        self._streams = streams
        self._name = name
        self._count = max(1, batch_size // len(self._topics))
        self._tally = Tally("handled")

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping` is set, then finish the batch in hand.

        Redis or the database may go away and come back: the consumer waits with backoff, creates its group again if
        it is gone, and takes up its own unfinished entries first.
        """
        backoff = Backoff()
        trouble = Trouble("consumer waits", topics=self._topics)
        while not stopping.is_set():
            try:
                await self._streams.create_groups(self._unit.service, self._topics)
                await self._finish_own_pending(stopping)
                backoff.reset()
                trouble.is_over()
                await self._consume(stopping)
                await self._unit.tidy()
            except Exception as error:
                if not is_transient(error):
                    raise
                trouble.is_there(error)
                await backoff.wait(stopping)

    async def _finish_own_pending(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            entries = await self._streams.read_own_pending(
                self._unit.service, self._name, self._topics, count=self._count
            )
            if not entries:
                return
            await self._process(entries)

    async def _consume(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            entries = await self._streams.read(
                self._unit.service, self._name, self._topics, count=self._count, block_ms=_BLOCK_MS
            )
            if entries:
                await self._process(entries)
            else:
                await self._unit.tidy()
                self._tally.flush()

    async def _process(self, entries: Sequence[Entry], attempt: int = 1) -> None:
        """Handle entries in one transaction; if that fails, halve until the guilty entry is alone, and bury it."""
        try:
            batches = self._sort(entries)
            if batches:
                await self._unit.run(partial(self._handle, batches), done=entries)
                for subscription, batch in batches.items():
                    self._tally.add(subscription.message.TYPE, len(batch))
            else:
                await self._unit.pass_over(entries)
        except Exception as error:
            if is_transient(error):
                raise
            if len(entries) > 1:
                middle = len(entries) // 2
                await self._process(entries[:middle])
                await self._process(entries[middle:])
            elif attempt < _ATTEMPTS:  # two replicas deciding one order at once collide, and the next try is fine
                await asyncio.sleep(_ATTEMPT_SECONDS * attempt)
                await self._process(entries, attempt + 1)
            else:
                await self._bury(entries[0], error)

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

    async def _bury(self, entry: Entry, error: Exception) -> None:
        async def work(tx: Transaction) -> Sequence[Effect]:
            await bury(tx, entry, error)
            return ()

        await self._unit.run(work, done=[entry])
