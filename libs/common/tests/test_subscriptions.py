"""Handlers of one batch that lock the same kind of thing have it locked for all of them first."""

from collections.abc import Sequence
from typing import Any

import pytest

from onhand.common.contracts import Event
from onhand.common.database import Transaction
from onhand.common.messaging.entries import Entry
from onhand.common.messaging.envelope import Effect, encode, wrap
from onhand.common.messaging.subscriptions import Subscription, Subscriptions
from toy import Count, Counted


class Opened(Event, frozen=True):
    """A shop was opened."""

    TYPE = "toy.opened.v1"
    TOPIC = "toy.events"
    SUBJECT = "thing"

    thing: str


class Calls:
    """Handlers and a lock that note how they are called."""

    def __init__(self) -> None:
        self.made: list[tuple[str, list[str]]] = []
        self.all = Subscriptions(
            [
                Subscription(Opened, self.open),
                Subscription(Count, self.count, self.lock),
                Subscription(Counted, self.note, self.lock),
            ]
        )

    async def lock(self, batch: Sequence[Any], _: Transaction) -> None:
        self.made.append(("lock", [received.message.thing for received in batch]))

    async def open(self, batch: Sequence[Any], _: Transaction) -> list[Effect]:
        self.made.append(("open", [received.message.thing for received in batch]))
        return []

    async def count(self, batch: Sequence[Any], _: Transaction) -> list[Effect]:
        self.made.append(("count", [received.message.thing for received in batch]))
        return []

    async def note(self, batch: Sequence[Any], _: Transaction) -> list[Effect]:
        self.made.append(("note", [received.message.thing for received in batch]))
        return []


@pytest.mark.parametrize(
    ("messages", "calls"),
    [
        ([Count(thing="a"), Count(thing="b")], [("count", ["a", "b"])]),
        (
            [Counted(thing="a"), Count(thing="b"), Counted(thing="c")],
            [("lock", ["a", "c", "b"]), ("count", ["b"]), ("note", ["a", "c"])],
        ),
        ([Counted(thing="a"), Opened(thing="b")], [("open", ["b"]), ("note", ["a"])]),
        (
            [Counted(thing="a"), Count(thing="b"), Opened(thing="c")],
            [("open", ["c"]), ("lock", ["a", "b"]), ("count", ["b"]), ("note", ["a"])],
        ),
    ],
)
async def test_a_lock_is_taken_for_all_messages_of_a_batch_if_several_handlers_name_it(
    messages: list[Count | Counted | Opened], calls: list[tuple[str, list[str]]]
) -> None:
    made = Calls()
    entries = [Entry("topic", b"1-0", encode(wrap(message, source="/test"))) for message in messages]
    await made.all.handle(made.all.sort(entries), None)
    assert made.made == calls
