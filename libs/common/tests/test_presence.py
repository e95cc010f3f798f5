from contextlib import aclosing

import msgspec
import pytest

from onhand.common.messaging import presence
from onhand.common.messaging.presence import CHANNEL, Announcement, Presence, announce
from onhand.common.messaging.streams import Streams
from toy import Count, read, send


class Clock:
    """A clock that a test moves on."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(presence, "time", moved)
    return moved


def test_a_service_that_was_never_heard_of_is_absent_after_a_while_even_if_nobody_asked_before(clock: Clock) -> None:
    heard = Presence()
    clock.now += 3.1
    assert heard.is_absent("orders")


def test_a_service_has_a_while_to_speak_up(clock: Clock) -> None:
    heard = Presence()
    clock.now += 2.9
    assert not heard.is_absent("orders")


def test_a_service_that_was_heard_of_lately_is_there_and_another_is_not(clock: Clock) -> None:
    heard = Presence()
    clock.now += 10
    heard.heard(msgspec.json.encode(Announcement("orders")))
    clock.now += 2
    assert not heard.is_absent("orders")
    assert heard.is_absent("inventory")


def test_a_service_that_has_fallen_silent_is_absent(clock: Clock) -> None:
    heard = Presence()
    heard.heard(msgspec.json.encode(Announcement("orders")))
    clock.now += 3.1
    assert heard.is_absent("orders")


def test_the_backlog_is_the_largest_that_was_told_last() -> None:
    heard = Presence()
    assert heard.backlog == 0
    heard.heard(msgspec.json.encode(Announcement("orders", 9)))
    heard.heard(msgspec.json.encode(Announcement("orders", 7)))
    heard.heard(msgspec.json.encode(Announcement("inventory", 3)))
    assert heard.backlog == 7


def test_what_a_service_told_before_it_fell_silent_does_not_count(clock: Clock) -> None:
    heard = Presence()
    heard.heard(msgspec.json.encode(Announcement("notifications", 9)))
    clock.now += 3.1
    heard.heard(msgspec.json.encode(Announcement("orders", 3)))
    assert heard.backlog == 3


@pytest.mark.parametrize("payload", [b"", b"orders", b"\xff", b"{}", b'{"service": 1}'])
def test_what_is_no_announcement_is_passed_over(clock: Clock, payload: bytes) -> None:
    heard = Presence()
    heard.heard(payload)
    clock.now += 3.1
    assert heard.is_absent("orders")


async def test_a_service_tells_how_much_the_slowest_reader_of_its_topics_has_to_read(streams: Streams) -> None:
    await streams.create_group("fast", Count.TOPIC)
    await send(streams, "a", "b", "c", apart=True)
    await read(streams, "fast", Count.TOPIC)
    assert await told_backlog(streams) == 0
    await streams.create_group("slow", Count.TOPIC)
    await read(streams, "slow", Count.TOPIC, count=1)
    assert await told_backlog(streams) == 2


async def test_what_nobody_reads_waits_too(streams: Streams) -> None:
    await send(streams, "a", "b", "c")
    assert await told_backlog(streams) == 3


async def test_a_group_that_nobody_reads_for_holds_nobody_up_unless_it_is_one_of_ours(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    await streams.create_group("never-ran", Count.TOPIC)
    await send(streams, "a", "b", "c", apart=True)
    await read(streams, "gone", Count.TOPIC, count=1)
    assert await told_backlog(streams) == 2
    monkeypatch.setattr("onhand.common.messaging.streams._ABANDONED_AFTER_MS", 0)
    assert await told_backlog(streams) == 0
    await streams.create_group("inventory", Count.TOPIC)
    assert await told_backlog(streams) == 3


async def test_what_was_read_already_says_nothing_about_what_waits(streams: Streams) -> None:
    await send(streams, *map(str, range(32)))
    await read(streams, "reader", Count.TOPIC)
    await send(streams, "a")
    assert await told_backlog(streams) == 1


async def test_of_a_long_backlog_the_newest_entries_tell_how_many_messages_it_holds(streams: Streams) -> None:
    await send(streams, *map(str, range(20)), apart=True)
    assert await told_backlog(streams) == 20
    await send(streams, *map(str, range(32 * 10)))
    assert await told_backlog(streams) == 30 * 32
    await send(streams, *map(str, range(5)), apart=True)
    assert await told_backlog(streams) == 35 * (5 + 5 * 32) / 10 // 1


async def told_backlog(streams: Streams) -> int:
    """What the toy service announces of itself."""
    heard = Presence()
    async with aclosing(streams.listen([CHANNEL])) as messages:
        await anext(messages)
        await announce("toy", streams)
        heard.heard((await anext(messages))[1])
    return heard.backlog
