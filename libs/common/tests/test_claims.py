"""What replicas that are dead or frozen were given is done by the others."""

import asyncio
from collections.abc import Sequence

import pytest
import redis

from onhand.common.database import Database, Transaction
from onhand.common.messaging.entries import Delivery, stream_key
from onhand.common.messaging.envelope import Effect, Received
from onhand.common.messaging.reader import open_reader
from onhand.common.messaging.streams import Streams
from onhand.common.testing import eventually
from toy import Count, acknowledge, consuming, count, create_table, pending, read, send, things, told


@pytest.fixture
async def database(orders_database: Database) -> Database:
    await create_table(orders_database)
    return orders_database


def members(redis_url: str) -> set[str]:
    with redis.Redis.from_url(redis_url) as client:
        return {member["name"].decode() for member in client.xinfo_consumers(stream_key(Count.TOPIC), "toy")}


@pytest.mark.parametrize("apart", [True, False])
async def test_what_a_dead_replica_was_given_is_done_by_another(
    database: Database, streams: Streams, redis_url: str, apart: bool
) -> None:
    names = [str(number) for number in range(500)]  # more than one claim takes
    await send(streams, *names, apart=apart)
    await read(streams, "toy", Count.TOPIC, "dead")

    async def done() -> bool:
        return await things(database) == set(names) and not await pending(streams, "dead")

    async with consuming(database, streams, claim_idle_seconds=0.2):
        await eventually(done)

        async def forgotten() -> bool:
            return members(redis_url) == {"toy-1"}

        await eventually(forgotten)
    assert sorted(await told(streams)) == sorted(names)


async def test_what_another_replica_was_given_just_now_is_left_to_it(database: Database, streams: Streams) -> None:
    await send(streams, "slow")
    await read(streams, "toy", Count.TOPIC, "alive")
    async with consuming(database, streams, claim_idle_seconds=60):
        await send(streams, "other")

        async def other_done() -> bool:
            return await things(database) == {"other"}

        await eventually(other_done)
    assert len(await pending(streams, "alive")) == 1


async def test_a_replica_that_was_frozen_beyond_the_claim_changes_nothing_when_it_goes_on(
    database: Database, streams: Streams
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def freezes(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        begun.set()
        await go_on.wait()
        return await count(batch, tx)

    async def done() -> bool:
        return await things(database) == {"a", "b"} and not await pending(streams, "frozen")

    async with consuming(database, streams, freezes, name="frozen"):
        await send(streams, "a", "b")
        await begun.wait()
        async with consuming(database, streams, name="peer", claim_idle_seconds=0.2):
            await eventually(done)
        go_on.set()
    assert sorted(await told(streams)) == ["a", "b"]


async def test_a_member_that_has_something_pending_is_not_removed(streams: Streams, redis_url: str) -> None:
    await send(streams, "a", "b", apart=True)
    await read(streams, "toy", Count.TOPIC, "busy", count=1)
    await acknowledge(streams, "toy", Count.TOPIC, await read(streams, "toy", Count.TOPIC, "idle"))
    await send(streams, "c")
    async with open_reader(streams, "toy", "self", Count.TOPIC, count=10) as reader:
        await reader.exchange(Delivery())
        assert await reader.remove_members(0) == 1
    assert members(redis_url) == {"busy", "self"}
