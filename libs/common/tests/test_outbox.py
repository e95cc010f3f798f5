import asyncio
from collections.abc import Iterator, Sequence
from functools import partial

import pytest
import redis

from onhand.common.database import Database, Transaction
from onhand.common.errors import Unavailable
from onhand.common.messaging.entries import Delivery
from onhand.common.messaging.envelope import Effect, Outgoing, Publish
from onhand.common.messaging.outbox import Outbox, sweep
from onhand.common.messaging.reader import open_reader
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.unit_of_work import UnitOfWork
from toy import Count, Counted, age_outbox, pending, read, send, told


async def tell(thing: str, _: Transaction) -> Sequence[Effect]:
    return [Publish(Counted(thing=thing))]


async def rows(database: Database) -> int:
    async with database.transaction() as tx:
        count: int = await tx.fetchval("SELECT count(*) FROM outbox")
        return count


@pytest.fixture
def unit() -> UnitOfWork:
    return UnitOfWork("toy")


@pytest.fixture
def full_redis(redis_url: str) -> redis.Redis:
    """A Redis that refuses to store anything more."""
    client: redis.Redis = redis.Redis.from_url(redis_url)
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    return client


@pytest.fixture
def small_entries(redis_url: str) -> Iterator[redis.Redis]:
    """A Redis that takes nothing larger than a megabyte."""
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("proto-max-bulk-len", 1 << 20)
        yield client
        client.config_set("proto-max-bulk-len", 512 << 20)


async def test_a_published_row_is_deleted_by_the_next_transaction(
    orders_database: Database, streams: Streams, unit: UnitOfWork
) -> None:
    await unit.run(partial(tell, "a"), orders_database, streams)
    assert await rows(orders_database) == 1
    await unit.run(partial(tell, "b"), orders_database, streams)
    assert await rows(orders_database) == 1
    await unit.tidy(orders_database)
    assert await rows(orders_database) == 0
    assert await told(streams) == ["a", "b"]


async def test_work_that_fails_leaves_nothing_to_publish(
    orders_database: Database, streams: Streams, unit: UnitOfWork
) -> None:
    async def fail(tx: Transaction) -> Sequence[Effect]:
        await tx.execute("SELECT 1 / 0")
        return await tell("a", tx)

    with pytest.raises(Exception, match="division by zero"):
        await unit.run(fail, orders_database, streams)
    assert await rows(orders_database) == 0
    assert await told(streams) == []


async def test_a_full_redis_keeps_events_in_the_outbox_and_the_sweeper_publishes_them_when_there_is_room(
    orders_database: Database, streams: Streams, unit: UnitOfWork, full_redis: redis.Redis
) -> None:
    with pytest.raises(Unavailable):
        await unit.run(partial(tell, "a"), orders_database, streams)
    assert await rows(orders_database) == 1
    await age_outbox(orders_database)
    with pytest.raises(Unavailable):
        await sweep(orders_database, streams)
    assert await rows(orders_database) == 1
    full_redis.config_set("maxmemory", 0)
    full_redis.close()
    assert await sweep(orders_database, streams) == 1
    assert await rows(orders_database) == 0
    assert await told(streams) == ["a"]


async def test_a_full_redis_does_not_lose_the_entry_that_led_to_the_event(
    orders_database: Database, streams: Streams, unit: UnitOfWork, redis_url: str
) -> None:
    await send(streams, "a")
    async with open_reader(streams, "toy", "toy-1", Count.TOPIC, count=10) as reader:
        entries = await reader.exchange(Delivery())
        with redis.Redis.from_url(redis_url) as client:
            client.config_set("maxmemory", 1)
            committed = await unit.commit(partial(tell, "a"), orders_database, entries)
            with pytest.raises(Unavailable):
                await reader.exchange(committed.delivery)
            client.config_set("maxmemory", 0)
    in_outbox, unacknowledged = await rows(orders_database), len(await pending(streams))
    assert in_outbox + unacknowledged >= 1


async def test_the_sweeper_leaves_rows_alone_that_are_just_being_published(
    orders_database: Database, streams: Streams, unit: UnitOfWork
) -> None:
    await unit.run(partial(tell, "a"), orders_database, streams)
    assert await sweep(orders_database, streams) == 0
    assert await rows(orders_database) == 1


async def test_the_sweeper_takes_rows_that_were_written_before_the_clock_was_set_back(
    orders_database: Database, streams: Streams, unit: UnitOfWork
) -> None:
    await unit.run(partial(tell, "a"), orders_database, streams)
    async with orders_database.transaction() as tx:
        await tx.execute("UPDATE outbox SET written_at = written_at + interval '1 day'")
    assert await sweep(orders_database, streams) == 1
    assert await rows(orders_database) == 0


async def test_a_row_that_cannot_be_published_or_read_stays_and_holds_up_no_other(
    orders_database: Database, streams: Streams, small_entries: redis.Redis
) -> None:
    too_large = b'"' + b"x" * (1 << 20) + b'"'
    for payload in (b"1", too_large, b"2"):
        async with orders_database.transaction() as tx:
            await Outbox().write(tx, [Outgoing("toy.events", "a", payload)])
    async with orders_database.transaction() as tx:
        await tx.execute("INSERT INTO outbox (events, messages) VALUES (1, '[')")
        await Outbox().write(tx, [Outgoing("toy.events", "a", b"3")])
    await age_outbox(orders_database)
    with pytest.raises(Unavailable, match=r"row 2 of the outbox is not published: Redis (refuses|is away)"):
        await sweep(orders_database, streams)
    with pytest.raises(Unavailable, match="row 2 of the outbox"):
        await sweep(orders_database, streams)
    assert [entry.payload for entry in await read(streams, "listener", "toy.events")] == [b"1", b"2", b"3"]

    small_entries.config_set("proto-max-bulk-len", 512 << 20)
    with pytest.raises(Unavailable, match="row 4 of the outbox cannot be read"):
        await sweep(orders_database, streams)
    assert [entry.payload for entry in await read(streams, "listener", "toy.events")] == [too_large]
    assert await rows(orders_database) == 1


async def test_what_is_swept_is_to_the_byte_what_was_written(orders_database: Database, streams: Streams) -> None:
    payloads = [b'{"name": "\xc3\xbc\\u0000", "n":1.50}', b"{}", b'{"n" : 1e400}']
    messages = [Outgoing("toy.events", 'a "key", \N{SNOWMAN}', payload) for payload in payloads]
    async with orders_database.transaction() as tx:
        await Outbox().write(tx, [*messages, Outgoing("toy.outcomes", "b", b"[]")])
    await age_outbox(orders_database)
    assert await sweep(orders_database, streams) == 4
    assert [entry.payload for entry in await read(streams, "listener", "toy.events")] == payloads
    assert [entry.payload for entry in await read(streams, "listener", "toy.outcomes")] == [b"[]"]


async def test_a_long_batch_takes_little_room_and_is_swept_to_the_byte(
    orders_database: Database, streams: Streams
) -> None:
    payloads = [b'{"n" : %d, "name": "\xc3\xbc\\u0000"}' % n for n in range(400)]
    async with orders_database.transaction() as tx:
        await Outbox().write(tx, [Outgoing("toy.events", "a", payload) for payload in payloads])
        assert await tx.fetchval("SELECT length(messages) FROM outbox") < sum(map(len, payloads)) / 2
    await age_outbox(orders_database)
    assert await sweep(orders_database, streams) == 400
    assert [entry.payload for entry in await read(streams, "listener", "toy.events")] == payloads


async def test_a_short_batch_can_be_read_in_the_database(orders_database: Database) -> None:
    async with orders_database.transaction() as tx:
        await Outbox().write(tx, [Outgoing("toy.events", "a", b'{"n":1}')])
        stored = await tx.fetchval("SELECT convert_from(messages, 'UTF8') FROM outbox")
    assert stored == '[["toy.events","a",{"n":1}]]'


@pytest.mark.parametrize(
    "breaking",
    [
        "UPDATE outbox SET messages = substr(messages, 1, length(messages) - 20)",
        "UPDATE outbox SET messages = overlay(messages PLACING 'xxxx' FROM 5)",  # its header
        r"UPDATE outbox SET messages = overlay(messages PLACING '\xffffffffffffffffffffffffffffffff' FROM 20)",
        "UPDATE outbox SET messages = convert_to('[' || repeat('[', 100000), 'UTF8')",  # nested too deep
    ],
)
async def test_a_batch_that_is_broken_stays_is_told_and_holds_up_no_other(
    orders_database: Database, streams: Streams, breaking: str
) -> None:
    async with orders_database.transaction() as tx:
        await Outbox().write(tx, [Outgoing("toy.events", "a", b'{"n": %d}' % n) for n in range(400)])
        await tx.execute(breaking)
        await Outbox().write(tx, [Outgoing("toy.events", "a", b"{}")])
    await age_outbox(orders_database)
    with pytest.raises(Unavailable, match="row 1 of the outbox cannot be read"):
        await sweep(orders_database, streams)
    assert [entry.payload for entry in await read(streams, "listener", "toy.events")] == [b"{}"]
    assert await rows(orders_database) == 1


async def test_two_sweepers_publish_what_was_left_behind_once(orders_database: Database, streams: Streams) -> None:
    async with orders_database.transaction() as tx:
        await tx.execute(
            """
            INSERT INTO outbox (written_at, events, messages)
            SELECT now() - interval '1 minute', 1, '[["toy.events", "a", {}]]' FROM generate_series(1, 15)
            """
        )
    swept = await asyncio.gather(*(sweep(orders_database, streams) for _ in range(4)))
    assert sum(swept) == 15
    assert await rows(orders_database) == 0
