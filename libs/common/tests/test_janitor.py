from onhand.common.messaging.janitor import trim
from onhand.common.messaging.streams import Streams
from toy import Count, send

MANY = [str(number) for number in range(500)]


async def read(streams: Streams, group: str, count: int) -> list[bytes]:
    await streams.create_groups(group, [Count.TOPIC])
    entries = await streams.read(group, "test", [Count.TOPIC], count=count, block_ms=1)
    return [entry.entry_id for entry in entries]


async def acknowledge(streams: Streams, group: str, count: int) -> None:
    await streams.create_groups(group, [Count.TOPIC])
    entries = await streams.read(group, "test", [Count.TOPIC], count=count, block_ms=1)
    await streams.deliver(group, (), {}, entries)


async def test_what_every_group_has_finished_with_is_deleted(streams: Streams) -> None:
    await send(streams, *MANY)
    await acknowledge(streams, "one", 500)
    await acknowledge(streams, "two", 500)
    assert await trim("toy", streams) > 300
    assert await trim("toy", streams) == 0


async def test_what_a_group_has_not_been_given_stays(streams: Streams) -> None:
    await send(streams, *MANY)
    await acknowledge(streams, "fast", 500)
    await acknowledge(streams, "slow", 200)
    deleted = await trim("toy", streams)
    assert 0 < deleted < 200
    assert len(await read(streams, "slow", 500)) == 300


async def test_what_a_group_was_given_and_has_not_acknowledged_stays(streams: Streams) -> None:
    await send(streams, *MANY)
    await acknowledge(streams, "one", 200)
    given = await read(streams, "one", 100)
    await acknowledge(streams, "one", 500)
    assert 0 < await trim("toy", streams) < 200
    pending = await streams.read_own_pending("one", "test", [Count.TOPIC], count=500)
    assert [entry.entry_id for entry in pending] == given
    assert all(entry.payload for entry in pending)


async def test_a_group_that_has_read_nothing_yet_keeps_everything(streams: Streams) -> None:
    await send(streams, *MANY)
    await acknowledge(streams, "one", 500)
    await streams.create_groups("new", [Count.TOPIC])
    assert await trim("toy", streams) == 0


async def test_a_topic_that_nobody_reads_is_left_alone(streams: Streams) -> None:
    await send(streams, *MANY)
    assert await trim("toy", streams) == 0


async def test_a_topic_that_does_not_exist_is_left_alone(streams: Streams) -> None:
    assert await trim("nobody", streams) == 0
