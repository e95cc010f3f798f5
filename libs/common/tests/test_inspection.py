import pytest
from redis import Redis

from onhand.common.messaging.entries import Entry
from onhand.common.messaging.inspection import Backlog, backlogs
from onhand.common.messaging.streams import Streams
from toy import Count, acknowledge, read, send

BEYOND = (1 << 62, 0)
"""Further than any entry."""


async def give(streams: Streams, group: str, count: int) -> list[Entry]:
    return await read(streams, group, Count.TOPIC, count=count)


async def only_backlog(streams: Streams) -> Backlog:
    (backlog,) = await backlogs(streams)
    return backlog


async def test_each_group_of_each_stream_is_told_of(streams: Streams) -> None:
    await send(streams, "a", "b", "c", apart=True)
    await give(streams, "one", 2)
    await streams.create_group("two", Count.TOPIC)
    await streams.create_group("two", "toy.events")
    found = {(it.stream, it.group): (it.length, it.lag, it.pending) for it in await backlogs(streams)}
    assert found == {
        ("toy.commands.{0}", "one"): (3, 1, 2),
        ("toy.commands.{0}", "two"): (3, 3, 0),
        ("toy.events.{0}", "two"): (0, 0, 0),
    }


async def test_what_is_no_stream_of_a_topic_is_not_looked_at(streams: Streams, redis_url: str) -> None:
    await streams.create_group("one", Count.TOPIC)
    with Redis.from_url(redis_url) as redis:
        redis.set("a.{0}", "no stream")
        redis.xadd("no-topic", {"a": "b"})
        redis.xgroup_create("no-topic", "one")
    assert (await only_backlog(streams)).stream == "toy.commands.{0}"


async def test_a_group_has_to_do_what_it_was_not_given_and_what_it_did_not_acknowledge(streams: Streams) -> None:
    await send(streams, "a", "b", apart=True)
    (first,) = await give(streams, "one", 1)
    backlog = await only_backlog(streams)
    assert backlog.lowest_pending == backlog.delivered < backlog.newest
    assert 0 <= (backlog.lowest_pending_ms or 0) < 10_000
    assert backlog.has_to_do(backlog.delivered)
    assert not backlog.has_to_do((0, 0))

    await acknowledge(streams, "one", Count.TOPIC, [first])
    backlog = await only_backlog(streams)
    assert backlog.lowest_pending is None
    assert not backlog.has_to_do(backlog.delivered)
    assert backlog.has_to_do(backlog.newest)

    await acknowledge(streams, "one", Count.TOPIC, await give(streams, "one", 1))
    assert not (await only_backlog(streams)).has_to_do(BEYOND)


async def test_a_group_is_abandoned_while_it_has_to_do_and_nobody_reads_for_it(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(streams, "a", "b", apart=True)
    (first,) = await give(streams, "one", 1)
    assert not (await only_backlog(streams)).is_abandoned
    monkeypatch.setattr("onhand.common.messaging.streams._ABANDONED_AFTER_MS", 0)
    assert (await only_backlog(streams)).is_abandoned
    await acknowledge(streams, "one", Count.TOPIC, [first, *await give(streams, "one", 1)])
    assert not (await only_backlog(streams)).is_abandoned
    await streams.create_group("orders", Count.TOPIC)
    assert [it.group for it in await backlogs(streams) if it.is_abandoned] == []


async def test_what_was_deleted_has_not_to_be_read(streams: Streams, redis_url: str) -> None:
    await streams.create_group("one", Count.TOPIC)
    await send(streams, "a", "b")
    with Redis.from_url(redis_url) as redis:
        redis.xtrim("toy.commands.{0}", maxlen=0, approximate=False)
    backlog = await only_backlog(streams)
    assert backlog.newest == (0, 0)
    assert not backlog.has_to_do(BEYOND)
