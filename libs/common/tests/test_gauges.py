import asyncio
from collections.abc import Iterable

import pytest
from prometheus_client.core import Metric
from redis import Redis

from onhand.common.database import Database
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.gauges import measure_streams, measure_tables
from onhand.common.messaging.outbox import Outbox
from onhand.common.messaging.streams import Streams, open_streams
from stories import Write, new_stories, poison
from toy import Count, Counted, acknowledge, age_outbox, append, read, send

COMMANDS = "toy.commands.{0}"


def values(metrics: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    """Values by name of metric and labels, in the order of the labels."""
    return {(it.name, *it.labels.values()): it.value for metric in metrics for it in metric.samples}


async def test_a_service_tells_of_its_own_streams_and_of_all_groups_on_them(streams: Streams) -> None:
    await send(streams, "a", "b", "c", apart=True)
    given = await read(streams, "toy", Count.TOPIC, count=2)
    await acknowledge(streams, "toy", Count.TOPIC, given[:1])
    await streams.create_group("listener", Count.TOPIC)
    await streams.create_group("toy", "others.events")
    await append(streams, [Outgoing("toy.outcomes", "a", b"news that no group reads")])

    told = values(await measure_streams("toy", streams))

    assert 0 <= told.pop(("onhand_group_oldest_pending_seconds", COMMANDS, "toy")) < 10
    assert told == {
        ("onhand_stream_length", COMMANDS): 3,
        ("onhand_stream_length", "toy.outcomes.{0}"): 1,
        ("onhand_group_lag", COMMANDS, "toy"): 1,
        ("onhand_group_lag", COMMANDS, "listener"): 3,
        ("onhand_group_pending", COMMANDS, "toy"): 1,
        ("onhand_group_pending", COMMANDS, "listener"): 0,
        ("onhand_group_oldest_pending_seconds", COMMANDS, "listener"): 0,
        ("onhand_group_abandoned", COMMANDS, "toy"): 0,
        ("onhand_group_abandoned", COMMANDS, "listener"): 1,
    }


async def test_a_lag_that_redis_cannot_tell_is_left_out(streams: Streams, redis_url: str) -> None:
    await send(streams, "a", "b", "c", apart=True)
    await read(streams, "toy", Count.TOPIC, count=1)
    with Redis.from_url(redis_url) as redis:
        (_, second, _) = (entry_id for entry_id, _ in redis.xrange(COMMANDS))
        redis.xdel(COMMANDS, second)
    told = values(await measure_streams("toy", streams))
    assert ("onhand_group_lag", COMMANDS, "toy") not in told
    assert told["onhand_group_pending", COMMANDS, "toy"] == 1


async def test_a_new_redis_has_nothing_to_tell_of(streams: Streams) -> None:
    assert values(await measure_streams("toy", streams)) == {}


async def test_every_partition_is_told_of(redis_url: str) -> None:
    async with open_streams(redis_url, 3) as streams:
        for partition in range(3):
            await streams.create_group("toy", Counted.TOPIC, partition)
        told = values(await measure_streams("toy", streams))
    assert {name for name in told if name[0] == "onhand_group_lag"} == {
        ("onhand_group_lag", f"toy.events.{{{partition}}}", "toy") for partition in range(3)
    }


async def write(database: Database) -> None:
    async with database.transaction() as tx:
        await Outbox().write(tx, [Outgoing("toy.events", "a", b"{}"), Outgoing("toy.events", "b", b"{}")])


async def test_the_outbox_is_told_of(orders_database: Database) -> None:
    assert values(await measure_tables("toy", orders_database)) == {
        ("onhand_outbox_rows", "toy"): 0,
        ("onhand_outbox_oldest_seconds", "toy"): 0,
        ("onhand_dead_letters", "toy", "failed"): 0,
        ("onhand_dead_letters", "toy", "parked"): 0,
    }

    await write(orders_database)
    await age_outbox(orders_database)
    await write(orders_database)
    told = values(await measure_tables("toy", orders_database))
    assert told["onhand_outbox_rows", "toy"] == 2
    assert 60 <= told["onhand_outbox_oldest_seconds", "toy"] < 120


async def test_dead_letters_are_told_of_by_state(
    orders_database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = await new_stories(orders_database, streams, monkeypatch)
    stories.faults["a", 1] = poison()
    async with stories.consuming():
        await stories.send(*(Write(story="a", step=step) for step in (1, 2, 3)))
        await stories.until_rows(3)
    told = values(await measure_tables("toy", orders_database))
    assert told["onhand_dead_letters", "toy", "failed"] == 1
    assert told["onhand_dead_letters", "toy", "parked"] == 2


async def test_rows_of_the_future_have_no_age(orders_database: Database) -> None:
    await write(orders_database)
    async with orders_database.transaction() as tx:
        await tx.execute("UPDATE outbox SET written_at = written_at + interval '1 day'")
    assert values(await measure_tables("toy", orders_database))["onhand_outbox_oldest_seconds", "toy"] == 0


async def test_a_table_that_is_locked_is_not_waited_for_longer_than_is_wanted(orders_database: Database) -> None:
    async with orders_database.transaction() as tx:
        await tx.execute("LOCK TABLE outbox")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await measure_tables("toy", orders_database)
    assert values(await measure_tables("toy", orders_database))["onhand_outbox_rows", "toy"] == 0
