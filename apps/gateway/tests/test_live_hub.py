"""How the hub gives out what it reads: soon enough for who listens, and not at the cost of everybody else."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import msgspec
import pytest

from onhand.common.contracts import FeedEntry, FeedPage, ReadFeed
from onhand.common.errors import Unavailable
from onhand.common.messaging.envelope import Envelope, wrap
from onhand.common.messaging.request_reply import Requests
from onhand.common.messaging.streams import Streams
from onhand.common.testing import eventually
from onhand.gateway.live import hub
from onhand.gateway.live.feed import BEGINNING, Interest
from onhand.gateway.live.hub import Live
from onhand.gateway.live.listener import Listener

ORDER = UUID("01a206cd-427d-77a1-8aa6-7ee7769e5ae9")


def place(turn: int) -> str:
    return f"{turn}-{ORDER}-1"


class Feed:
    """Stands in for Orders: a feed with so many entries of so many characters each, one for a page."""

    def __init__(self, entries: int, characters: int) -> None:
        self._entries = entries
        self._data = msgspec.Raw(msgspec.json.encode("x" * characters))

    async def ask(self, query: ReadFeed) -> Envelope:
        after = int(str(query.after).partition("-")[0])
        turn = min(after + 1, self._entries)
        entries = (self._entry(turn),) if turn > after else ()
        page = FeedPage("orders", entries, place(turn), has_more=turn < self._entries, is_unfinished=False)
        return wrap(page, source="/elsewhere")

    def _entry(self, turn: int) -> FeedEntry:
        return FeedEntry(
            version=1,
            type="t",
            at=datetime(2026, 11, 29, tzinfo=UTC),
            source="s",
            cause=str(ORDER),
            data=self._data,  # type: ignore[arg-type]  # it is JSON, and is to be JSON again
            position=place(turn),
            order_id=ORDER,
            customer_id="ann",
        )


class ChangingFeed(Feed):
    """One whose answers are told beforehand: where it ends at each question, or what goes wrong."""

    def __init__(self, *ends: int | Exception) -> None:
        super().__init__(entries=0, characters=1)
        self._ends = [*ends]

    async def ask(self, query: ReadFeed) -> Envelope:
        end = self._ends.pop(0) if len(self._ends) > 1 else self._ends[0]
        if isinstance(end, Exception):
            raise end
        self._entries = end
        return await super().ask(query)


class GrowingFeed(Feed):
    """One entry more each time that it is asked."""

    def __init__(self) -> None:
        super().__init__(entries=0, characters=1)

    async def ask(self, query: ReadFeed) -> Envelope:
        self._entries += 1
        return await super().ask(query)


@asynccontextmanager
async def reading_for(feed: Feed) -> AsyncIterator[Live]:
    """A hub that reads a feed, for the length of the block."""
    live, stopping = (
        Live(cast("Requests", feed), cast("Streams", SimpleNamespace(partitions=0)), most=1),
        asyncio.Event(),
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live.run(stopping))
        yield live
        stopping.set()


@asynccontextmanager
async def reading(feed: Feed, listeners: int) -> AsyncIterator[list[Listener]]:
    """A hub that reads a feed for some who listen to everything, for the length of the block."""
    async with reading_for(feed) as live:
        yield [live.join(Interest(), BEGINNING) for _ in range(listeners)]


def rest_for(monkeypatch: pytest.MonkeyPatch, seconds: float, step_seconds: float = 0.1) -> None:
    """Let a hub rest for so long whenever it has given something out."""
    monkeypatch.setattr(hub, "_WRITE_SECONDS", 100.0)
    monkeypatch.setattr(hub, "_LONGEST_PAUSE_SECONDS", seconds)
    monkeypatch.setattr(hub, "_STEP_SECONDS", step_seconds)


@asynccontextmanager
async def written_to(listener: Listener) -> AsyncIterator[list[bytes]]:
    """What is written to a listener at once, because nothing waits for it, for the length of the block."""
    given_out: list[bytes] = []

    def write_now(events: bytes) -> bool:
        given_out.append(events)
        return True

    listener.write_now = write_now
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listener.take(60))
        yield given_out
        listener.close()


async def test_who_is_behind_is_told_all_of_it_without_a_rest_for_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    rest_for(monkeypatch, 60.0)
    async with reading(Feed(entries=4, characters=1), listeners=1) as (listener,):

        async def has_been_told_all() -> bool:
            return listener.position == place(4)

        await eventually(has_been_told_all)


async def test_what_comes_while_the_hub_rests_is_read_meanwhile_and_given_out_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest_for(monkeypatch, 0.5, step_seconds=0.01)
    async with reading(GrowingFeed(), listeners=1) as (listener,), written_to(listener) as given_out:

        async def is_given_out_again() -> bool:
            return len(given_out) > 1

        await eventually(is_given_out_again)
    assert given_out[1].count(b"\ndata: ") > 5


async def test_who_joins_while_the_hub_rests_is_told_what_comes_at_the_end_of_that_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest_for(monkeypatch, 1.0, step_seconds=0.01)
    async with reading_for(GrowingFeed()) as live, asyncio.timeout(10):
        first = live.join(Interest(), BEGINNING)
        assert await first.take(10)  # and now it rests
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(0.3)
        newcomer = live.join(Interest(), await live.end_of_feed())
        assert await newcomer.take(10)
        assert asyncio.get_running_loop().time() - began < 1.9, "one rest, and not the next one, too"


async def test_what_was_read_is_told_if_nobody_answers_the_next_question(monkeypatch: pytest.MonkeyPatch) -> None:
    rest_for(monkeypatch, 0.8, step_seconds=0.01)
    feed = ChangingFeed(1, 2, Unavailable("away"))
    async with reading(feed, listeners=1) as (listener,), asyncio.timeout(10):
        assert place(1).encode() in (await listener.take(10) or b"")
        assert place(2).encode() in (await listener.take(10) or b"")


async def test_a_newcomer_who_is_further_is_not_let_go_because_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    rest_for(monkeypatch, 1.0, step_seconds=0.2)
    feed = ChangingFeed(1, 2, Unavailable("away"), Unavailable("away"), 4)
    async with reading_for(feed) as live, asyncio.timeout(10):
        first = live.join(Interest(), BEGINNING)
        assert place(1).encode() in (await first.take(10) or b"")

        async def has_read_on() -> bool:
            return await live.end_of_feed() == place(2)

        await eventually(has_read_on)
        newcomer = live.join(Interest(), place(3))
        assert place(4).encode() in (await newcomer.take(10) or b"")


async def test_who_is_far_behind_is_told_the_first_of_it_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_LONGEST_PAUSE_SECONDS", 0.1)
    async with reading(Feed(entries=10_000, characters=1), listeners=1) as (listener,), asyncio.timeout(10):
        assert await listener.take(10)
        assert listener.place < (1000,)


async def test_what_was_read_of_a_state_that_was_lost_meanwhile_is_told_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rest_for(monkeypatch, 0.8, step_seconds=0.01)
    feed = ChangingFeed(1, 4, 4, 4, 3)  # 2, 3 and 4 are read, and then the state is put back in which 3 is the last
    async with reading(feed, listeners=1) as (listener,), asyncio.timeout(10):
        told: list[bytes] = []
        while b"3" not in told:
            told += re.findall(rb"^id: ([0-9]+)-", await listener.take(10) or b"", re.MULTILINE)
        assert told == [b"1", b"2", b"3"]


async def test_no_more_is_given_out_together_than_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_MOST_BYTES", 1500)
    async with reading(Feed(entries=6, characters=1000), listeners=1) as (listener,), written_to(listener) as given_out:

        async def is_all_given_out() -> bool:
            return sum(events.count(b"\ndata: ") for events in given_out) == 6

        await eventually(is_all_given_out)
    assert [events.count(b"\ndata: ") for events in given_out] == [2, 2, 2]


async def test_who_is_further_than_the_feed_is_let_go_and_the_others_are_told() -> None:
    live, stopping = (
        Live(cast("Requests", Feed(entries=2, characters=1)), cast("Streams", SimpleNamespace(partitions=0)), most=1),
        asyncio.Event(),
    )
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        beyond, listener = live.join(Interest(), place(3)), live.join(Interest(), place(1))
        tasks.create_task(live.run(stopping))
        assert await beyond.take(10) is None
        assert place(2).encode() in (await listener.take(10) or b"")
        stopping.set()


async def test_others_have_their_turns_while_something_is_given_out_to_many() -> None:
    turns, turns_at = 0, []

    def write_now(_: bytes) -> bool:
        turns_at.append(turns)
        return True

    async with reading(Feed(entries=1, characters=1_000_000), listeners=20) as listeners, asyncio.TaskGroup() as tasks:
        for listener in listeners:
            listener.write_now = write_now
            tasks.create_task(listener.take(60))
        while len(turns_at) < len(listeners):
            await asyncio.sleep(0)
            turns += 1
        for listener in listeners:
            listener.close()
    assert len(set(turns_at)) > 5
