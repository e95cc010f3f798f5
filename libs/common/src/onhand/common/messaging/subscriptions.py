"""Which message leads to which handler, and how the handlers of one batch are called."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from onhand.common.contracts import Command, Event, Query
from onhand.common.database import Transaction
from onhand.common.messaging.bundles import TYPE as BUNDLE
from onhand.common.messaging.bundles import parts_of
from onhand.common.messaging.entries import Entry
from onhand.common.messaging.envelope import Effect, Received, decode, read_as
from onhand.common.messaging.versions import versions_of

Handler = Callable[[Sequence[Received[Any]], Transaction], Awaitable[Sequence[Effect]]]
"""Handles all messages of one type in a batch, in the order they came. It may see any of them again, late or early."""


Lock = Callable[[Sequence[Received[Any]], Transaction], Awaitable[object]]
"""Locks in one order all that several handlers of a batch are going to lock, given the messages of all of them."""


class Subscription(Struct, frozen=True, eq=False):
    """Which handler takes which message.

    Attributes:
        lock: called before the first of the handlers if a batch has messages for several that name it. Each handler
            locks in order what it needs, but one after the other they would not: two consumers would wait for each
            other. What handlers lock that come earlier and name none, they lock before it in every batch.
    """

    message: type[Command | Query | Event]
    handler: Handler
    lock: Lock | None = None


Sorted: TypeAlias = Mapping[Subscription, Sequence[Received[Any]]]
"""The messages of a batch by subscription, in the order they came."""


class Subscriptions:
    """The subscriptions of one consumer; in a batch, messages of an earlier one are handled first."""

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        self._in_order = tuple(subscriptions)
        self._by_type = {
            version.TYPE: subscription
            for subscription in subscriptions
            for version in versions_of(subscription.message)
        }

    @property
    def types(self) -> list[str]:
        """The types of messages that are subscribed to, as they are written today."""
        return [subscription.message.TYPE for subscription in self._in_order]

    def find(self, message_type: str) -> Subscription | None:
        """The subscription to a type of message, if there is one; to an older version, that of today's."""
        return self._by_type.get(message_type)

    def sort(self, entries: Sequence[Entry]) -> Sorted:
        """Decode the messages that are subscribed to; others on the same topic are passed over.

        Raises:
            msgspec.MsgspecError, UnicodeDecodeError, RecursionError: one of them cannot be decoded.
        """
        found: dict[Subscription, list[Received[Any]]] = {}
        for entry in entries:
            if entry.payload is None:
                continue
            whole = decode(entry.payload)
            for envelope in (whole,) if whole.type != BUNDLE else parts_of(whole):
                subscription = self._by_type.get(envelope.type)
                if subscription is not None:
                    received = Received(read_as(subscription.message, envelope), envelope)
                    found.setdefault(subscription, []).append(received)
        return found

    async def handle(self, messages: Sorted, tx: Transaction) -> Sequence[Effect]:
        """Call the handlers; returns what they ask to be told."""
        locked = _locked_together(messages) if len(messages) > 1 else {}
        effects: list[Effect] = []
        for subscription in self._in_order:
            if batch := messages.get(subscription):
                if subscription.lock is not None and subscription.lock in locked:
                    await subscription.lock(locked.pop(subscription.lock), tx)
                effects += await subscription.handler(batch, tx)
        return effects


def _locked_together(messages: Sorted) -> dict[Lock, list[Received[Any]]]:
    """For each lock that several subscriptions name, the messages of all of them."""
    locking: dict[Lock, list[Sequence[Received[Any]]]] = {}
    for subscription, batch in messages.items():
        if subscription.lock is not None:
            locking.setdefault(subscription.lock, []).append(batch)
    return {
        lock: [received for batch in batches for received in batch]
        for lock, batches in locking.items()
        if len(batches) > 1
    }
