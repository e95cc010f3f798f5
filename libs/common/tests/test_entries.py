"""An entry of a stream holds many messages, and stays pending until the last of them is done."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
import redis

from onhand.common.database import Database, Transaction
from onhand.common.errors import Unavailable
from onhand.common.messaging.entries import Delivery, stream_key
from onhand.common.messaging.envelope import Effect, Outgoing, Received, encode, wrap
from onhand.common.messaging.reader import open_reader
from onhand.common.messaging.streams import Streams
from onhand.common.testing import eventually
from stories import Write, new_stories, poison
from toy import Count, append, consuming, count, create_table, read, send, things, told

COMMANDS = stream_key(Count.TOPIC)
NAMES = [str(number) for number in range(70)]


@pytest.fixture
async def database(orders_database: Database) -> Database:
    await create_table(orders_database)
    return orders_database


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def unacknowledged(client: redis.Redis, key: str = COMMANDS) -> int:
    return int(client.xpending(key, "toy")["pending"])


async def until_acknowledged(client: redis.Redis, key: str = COMMANDS) -> None:
    async def none() -> bool:
        newest = client.xinfo_stream(key)["last-generated-id"]
        groups = client.xinfo_groups(key)  # none yet, or one
        return bool(groups) and groups[0]["last-delivered-id"] == newest and not groups[0]["pending"]

    await eventually(none)


def names_of(batch: Sequence[Received[Count]]) -> list[str]:
    return [received.message.thing for received in batch]


async def test_what_is_appended_together_is_in_few_entries_of_each_topic_and_in_order(
    streams: Streams, client: redis.Redis
) -> None:
    messages = [Outgoing(topic, name, name.encode()) for name in NAMES for topic in ("a.events", "b.events")]
    await append(streams, messages)
    assert [client.xlen(stream_key(topic)) for topic in ("a.events", "b.events")] == [3, 3]
    for topic in ("a.events", "b.events"):
        entries = await read(streams, "toy", topic)
        assert {entry.shared_by for entry in entries} == {32, 70 - 2 * 32}
        assert [(entry.topic, entry.payload) for entry in entries] == [(topic, name.encode()) for name in NAMES]


async def test_of_many_messages_none_is_appended_when_one_cannot_be(streams: Streams, client: redis.Redis) -> None:
    client.set(stream_key("b.events"), "no stream")
    messages = [Outgoing(topic, name, b"{}") for topic in ("a.events", "b.events") for name in NAMES]
    with pytest.raises(Unavailable, match="WRONGTYPE"):
        await append(streams, messages)
    with pytest.raises(Unavailable, match="WRONGTYPE"):
        await append(streams, messages[70:71])
    assert client.exists(stream_key("a.events")) == 0


async def test_an_entry_is_acknowledged_with_the_last_of_its_messages_in_whatever_order(
    streams: Streams, client: redis.Redis
) -> None:
    await send(streams, "a", "b", "c")
    await send(streams, "d")
    async with open_reader(streams, "toy", "toy-1", Count.TOPIC, count=10) as reader:
        a, b, c, d = await reader.exchange(Delivery())
        await reader.deliver(Delivery(done=[c]))
        assert unacknowledged(client) == 2
        await reader.deliver(Delivery(done=[d, a]))
        assert unacknowledged(client) == 1
        assert await reader.exchange(Delivery(done=[b])) == []
        assert unacknowledged(client) == 0


async def test_a_guilty_message_within_an_entry_is_buried_alone_and_the_others_are_handled_once(
    database: Database, streams: Streams, client: redis.Redis
) -> None:
    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        if "5" in names_of(batch):
            raise ZeroDivisionError("cannot count this")
        return await count(batch, tx)

    await send(streams, *NAMES)
    async with consuming(database, streams, handler):
        await until_acknowledged(client)
    assert sorted(await told(streams)) == sorted({*NAMES} - {"5"})
    async with database.transaction() as tx:
        (row,) = await tx.fetch("SELECT key, entry_id FROM dead_letters")
    assert (row["key"], row["entry_id"].encode()) == ("5", client.xinfo_stream(COMMANDS)["first-entry"][0])


async def test_a_crash_between_the_parts_of_an_entry_brings_all_of_it_again_and_nothing_happens_twice(
    database: Database, streams: Streams, client: redis.Redis
) -> None:
    failed = asyncio.Event()

    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        if len(batch) == 4:
            raise ZeroDivisionError("so that the batch is halved")
        if "c" in names_of(batch):
            failed.set()
            raise ConnectionResetError("the database goes away before the second half")
        return await count(batch, tx)

    await send(streams, "a", "b", "c", "d")
    async with consuming(database, streams, handler):
        await failed.wait()
    assert await things(database) == {"a", "b"}
    assert await told(streams) == ["a", "b"]
    assert unacknowledged(client) == 1

    seen: list[str] = []

    async def seeing(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        seen.extend(names_of(batch))
        return await count(batch, tx)

    async with consuming(database, streams, seeing):
        await until_acknowledged(client)
    assert seen == ["a", "b", "c", "d"]
    assert await told(streams) == ["c", "d"]


async def test_a_crash_after_a_message_was_parked_brings_the_others_of_its_entry_again(
    orders_database: Database, streams: Streams, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = await new_stories(orders_database, streams, monkeypatch)
    stories.faults["a", 1] = poison()
    async with stories.consuming():
        await stories.send(Write(story="a", step=1))
        await stories.until_rows(1)
    stories.faults["b", 1] = ConnectionResetError("the database is away")
    await stories.send(Write(story="a", step=2), Write(story="b", step=1), Write(story="c", step=1))
    async with stories.consuming():
        await stories.until_rows(2)
    assert unacknowledged(client) == 1

    stories.faults.clear()
    async with stories.consuming():
        await until_acknowledged(client)
    assert await stories.written() == [("b", 1), ("c", 1)]
    assert [row["state"] for row in await stories.rows()] == ["failed", "parked"]


async def test_a_transaction_takes_no_more_than_its_share_of_what_is_read(
    database: Database, streams: Streams, client: redis.Redis
) -> None:
    sizes: list[int] = []

    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        sizes.append(len(batch))
        return await count(batch, tx)

    await send(streams, *NAMES)
    async with consuming(database, streams, handler, batch_size=20):
        await until_acknowledged(client)
    assert sum(sizes) == 70
    assert max(sizes) == 20
    assert await told(streams) == NAMES


async def test_entries_of_one_message_and_of_many_are_handled_alike(
    database: Database, streams: Streams, client: redis.Redis
) -> None:
    await send(streams, "a")
    await send(streams, "b", "c")
    await send(streams, "d", "e", apart=True)
    async with consuming(database, streams):
        await until_acknowledged(client)
    assert await told(streams) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("name", ["event", "something else", ""])
async def test_of_an_entry_that_was_put_there_by_hand_every_field_is_read_and_buried_if_it_is_no_message(
    database: Database, streams: Streams, client: redis.Redis, name: str
) -> None:
    message = encode(wrap(Count(thing="a"), source="/test"))
    client.execute_command("XADD", COMMANDS, "*", name, b"no message", name, message, name, b"", name, b"\xff")
    async with consuming(database, streams):
        await until_acknowledged(client)
    assert await told(streams) == ["a"]
    async with database.transaction() as tx:
        rows = await tx.fetch("SELECT payload FROM dead_letters ORDER BY id")
    assert [row["payload"] for row in rows] == [b"no message", b"", b"\xff"]


@pytest.mark.parametrize("reads", ["own", "claim"])
async def test_what_a_member_did_not_finish_comes_again_with_all_of_its_messages(streams: Streams, reads: str) -> None:
    await send(streams, *NAMES)
    first = await read(streams, "toy", Count.TOPIC, "dead")
    async with open_reader(streams, "toy", "dead" if reads == "own" else "peer", Count.TOPIC, count=10) as reader:
        again = await (reader.read_own_pending() if reads == "own" else reader.claim(0))
        await reader.deliver(Delivery(done=again))
        assert await reader.read_own_pending() == []
    assert first == again
    assert len(again) == 70
