import pytest
from redis import Redis
from structlog.testing import capture_logs

from onhand.common.errors import Unavailable
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.janitor import trim, warn_of_abandoned
from onhand.common.messaging.reader import open_reader
from onhand.common.messaging.streams import Streams
from toy import Count, acknowledge, append, read, send

MANY = [str(number) for number in range(500)]


async def given(streams: Streams, group: str, count: int) -> list[bytes]:
    return [entry.entry_id for entry in await read(streams, group, Count.TOPIC, count=count)]


async def finish(streams: Streams, group: str, count: int) -> None:
    await acknowledge(streams, group, Count.TOPIC, await read(streams, group, Count.TOPIC, count=count))


async def test_what_every_group_has_finished_with_is_deleted(streams: Streams) -> None:
    await send(streams, *MANY, apart=True)
    await finish(streams, "one", 500)
    await finish(streams, "two", 500)
    assert await trim("toy", streams) > 300
    assert await trim("toy", streams) == 0


async def test_of_entries_with_many_messages_all_but_the_last_are_deleted(streams: Streams) -> None:
    await send(streams, *MANY)
    await finish(streams, "one", 500)
    assert await trim("toy", streams) == len(MANY) // 32


async def test_what_a_group_has_not_been_given_stays(streams: Streams) -> None:
    await send(streams, *MANY, apart=True)
    await finish(streams, "fast", 500)
    await finish(streams, "slow", 200)
    deleted = await trim("toy", streams)
    assert 0 < deleted < 200
    assert len(await given(streams, "slow", 500)) == 300


async def test_what_a_group_was_given_and_has_not_acknowledged_stays(streams: Streams) -> None:
    await send(streams, *MANY, apart=True)
    await finish(streams, "one", 200)
    unfinished = await given(streams, "one", 100)
    await finish(streams, "one", 500)
    assert 0 < await trim("toy", streams) < 200
    async with open_reader(streams, "one", "test", Count.TOPIC, count=500) as reader:
        pending = await reader.read_own_pending()
    assert [entry.entry_id for entry in pending] == unfinished
    assert all(entry.payload for entry in pending)


async def test_a_group_that_has_read_nothing_yet_keeps_everything(streams: Streams) -> None:
    await send(streams, *MANY, apart=True)
    await finish(streams, "one", 500)
    await streams.create_group("new", Count.TOPIC)
    assert await trim("toy", streams) == 0


async def test_a_group_that_nobody_reads_for_is_named_and_when_it_is_deleted_the_rest_is_trimmed(
    streams: Streams,
) -> None:
    await send(streams, *MANY, apart=True)
    await finish(streams, "one", 500)
    await streams.create_group("gone", Count.TOPIC)
    with capture_logs() as lines:
        await warn_of_abandoned("toy", streams)
    assert [(line["stream"], line["group"], line["length"]) for line in lines] == [("toy.commands.{0}", "gone", 500)]
    assert "`onhand forget gone`" in lines[0]["event"]
    assert await trim("toy", streams) == 0
    assert await streams.delete_group("gone") == ["toy.commands.{0}"]
    assert await trim("toy", streams) > 300


async def test_the_stream_of_a_group_that_nobody_reads_for_grows_until_redis_is_full_and_there_is_room_without_it(
    streams: Streams, redis_url: str
) -> None:
    async def fill() -> None:
        while True:
            await send(streams, *MANY, apart=True)
            await finish(streams, "one", 500)
            assert await trim("toy", streams) == 0

    await streams.create_group("gone", Count.TOPIC)
    with Redis.from_url(redis_url) as redis:
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] + 2_000_000)
    with pytest.raises(Unavailable):
        await fill()
    await streams.delete_group("gone")
    assert await trim("toy", streams) > 1000
    await send(streams, *MANY, apart=True)


async def test_a_topic_that_nobody_reads_is_left_alone(streams: Streams) -> None:
    await send(streams, *MANY, apart=True)
    assert await trim("toy", streams) == 0


async def test_a_topic_that_does_not_exist_is_left_alone(streams: Streams) -> None:
    assert await trim("nobody", streams) == 0


async def test_of_news_that_nobody_reads_the_latest_are_kept(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onhand.common.messaging.janitor._NEWS_ENTRIES", 200)
    await append(streams, [Outgoing("toy.outcomes", name, b"{}") for name in MANY], apart=True)
    assert 200 <= await trim("toy", streams) <= 300
    assert await trim("toy", streams) == 0


async def test_of_news_that_a_group_reads_everything_is_kept_until_it_has_read_it(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onhand.common.messaging.janitor._NEWS_ENTRIES", 200)
    await streams.create_group("listener", "toy.outcomes")
    await append(streams, [Outgoing("toy.outcomes", name, b"{}") for name in MANY], apart=True)
    assert await trim("toy", streams) == 0
