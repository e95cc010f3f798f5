"""A watch says that something was appended, soon, and to whichever of the topics."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from onhand.common.messaging import watch as watch_module
from onhand.common.messaging.connections import call
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.watch import watch

TOPICS = ("toys.events", "toys.outcomes")


class Heard:
    def __init__(self) -> None:
        self.rest: float | None = 0.0
        self.times = 0
        self.at = 0.0
        self.again = asyncio.Event()

    def __call__(self) -> float | None:
        self.times += 1
        self.at = asyncio.get_running_loop().time()
        self.again.set()
        return self.rest

    async def once_more(self) -> None:
        async with asyncio.timeout(5):
            await self.again.wait()
        self.again.clear()


@asynccontextmanager
async def watching(streams: Streams) -> AsyncGenerator[Heard]:
    heard, stopping = Heard(), asyncio.Event()
    task = asyncio.create_task(watch(streams, TOPICS, 0, heard, stopping))
    await heard.once_more()
    try:
        yield heard
    finally:
        stopping.set()
        async with asyncio.timeout(5):
            await task


async def test_whatever_is_appended_to_any_of_the_topics_is_heard(streams: Streams) -> None:
    async with watching(streams) as heard:
        for topic in (*TOPICS, *TOPICS):
            await streams.tell([Outgoing(topic, "a", b"{}")])
            await heard.once_more()


async def test_what_follows_the_first_word_after_a_quiet_time_is_heard_without_a_long_pause(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "_PAUSE_SECONDS", 60.0)
    monkeypatch.setattr(watch_module, "_QUIET_SECONDS", 0.0)
    async with watching(streams) as heard:
        for _ in range(2):
            await streams.tell([Outgoing(TOPICS[0], "a", b"{}")])
            await heard.once_more()


async def test_what_is_appended_all_the_time_is_told_now_and_then(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_module, "_QUIET_SECONDS", 60.0)
    clock = asyncio.get_running_loop().time
    async with watching(streams) as heard:
        began = clock()
        while (seconds := clock() - began) < 0.3:
            await streams.tell([Outgoing(TOPICS[0], "a", b"{}")])
        assert 2 <= heard.times <= 3 + seconds / 0.05


async def test_who_rests_is_not_told_meanwhile(streams: Streams) -> None:
    async with watching(streams) as heard:
        heard.rest = 0.3
        await streams.tell([Outgoing(TOPICS[0], "a", b"{}")])
        await heard.once_more()
        before = heard.at
        await streams.tell([Outgoing(TOPICS[0], "a", b"{}")])
        await heard.once_more()
        assert heard.at - before > 0.29


async def test_nothing_is_heard_while_nothing_is_appended_there(streams: Streams) -> None:
    await streams.tell([Outgoing(TOPICS[0], "a", b"{}")])
    async with watching(streams) as heard:
        await streams.tell([Outgoing("toys.commands", "a", b"{}")])
        await asyncio.sleep(1.2)  # longer than one look
        assert heard.times == 1


async def test_what_is_appended_after_redis_lost_everything_is_heard(streams: Streams) -> None:
    async with streams.connection(0) as connection:
        # Long ago: what is appended within the same millisecond before and after a loss has the same id.
        await call(connection, ("XADD", "toys.events.{0}", "1-0", "event", "{}"))
        async with watching(streams) as heard:
            await call(connection, ("FLUSHDB",))
            await streams.tell([Outgoing(TOPICS[0], "a", b"{}")])
            await heard.once_more()


async def test_what_is_appended_below_the_last_id_because_the_clock_was_set_back_is_heard(streams: Streams) -> None:
    async with streams.connection(0) as connection:
        add = ("XADD", "toys.events.{0}", f"{1 << 62}-0", "event", "{}")
        await call(connection, add)
        async with watching(streams) as heard:
            await call(connection, ("FLUSHDB",))
            await streams.tell([Outgoing(TOPICS[0], "a", b"{}")])
            await heard.once_more()
            await streams.tell([Outgoing(TOPICS[0], "a", b"{}")])
            await heard.once_more()


async def test_a_watch_ends_when_nobody_wants_to_know_any_more(streams: Streams) -> None:
    async with watching(streams) as heard:
        heard.rest = None
        await streams.tell([Outgoing(TOPICS[1], "a", b"{}")])
        await heard.once_more()
