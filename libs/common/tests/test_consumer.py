import asyncio
from collections.abc import Sequence

import pytest
import redis
from msgspec import UNSET

from onhand.common.contracts import OrderConfirmed
from onhand.common.database import Database, Transaction
from onhand.common.errors import Unavailable
from onhand.common.messaging import consumer
from onhand.common.messaging.entries import Delivery, Entry
from onhand.common.messaging.envelope import Effect, Outgoing, Received, encode, wrap
from onhand.common.messaging.outbox import sweep
from onhand.common.messaging.reader import Reader
from onhand.common.messaging.streams import Streams
from onhand.common.testing import eventually
from toy import Count, age_outbox, append, consuming, count, create_table, pending, read, send, things, told


@pytest.fixture
async def database(orders_database: Database) -> Database:
    await create_table(orders_database)
    return orders_database


async def counted(database: Database, *names: str) -> None:
    async def all_there() -> bool:
        return await things(database) >= set(names)

    await eventually(all_there)


async def nothing_pending(streams: Streams) -> None:
    async def none() -> bool:
        return not await pending(streams)

    await eventually(none)


async def dead_letters(database: Database) -> list[str]:
    async with database.transaction() as tx:
        return [row["error"] for row in await tx.fetch("SELECT error FROM dead_letters ORDER BY id")]


async def test_what_is_handled_is_stored_told_and_acknowledged(database: Database, streams: Streams) -> None:
    async with consuming(database, streams):
        await send(streams, "a", "b")
        await counted(database, "a", "b")
    assert await told(streams) == ["a", "b"]
    assert await pending(streams) == []


async def test_messages_that_queued_are_handled_in_one_batch(database: Database, streams: Streams) -> None:
    sizes = []

    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        sizes.append(len(batch))
        return await count(batch, tx)

    await send(streams, *map(str, range(50)))
    async with consuming(database, streams, handler):
        await counted(database, *map(str, range(50)))
    assert sizes == [50]


async def test_what_comes_while_a_consumer_rests_is_handled_in_one_batch(
    database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "REST_SECONDS", 1.0)
    sizes = []

    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        sizes.append(len(batch))
        return await count(batch, tx)

    async with consuming(database, streams, handler):
        await send(streams, "first", replyto=UNSET)
        await counted(database, "first")
        await send(streams, "b", "c", "d", replyto=UNSET, apart=True)
        await counted(database, "b", "c", "d")
    assert sizes == [1, 3]


async def test_a_consumer_rests_when_all_is_told_and_until_it_is_to_stop(
    database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "REST_SECONDS", 3600.0)

    async with asyncio.timeout(30), consuming(database, streams):
        await send(streams, "a", replyto=UNSET)
        await counted(database, "a")
        await nothing_pending(streams)
        assert await told(streams) == ["a"]


async def test_what_could_not_be_told_before_a_rest_is_done_again_and_told(
    database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver = Reader.deliver
    failures = [Unavailable("the connection broke")]

    async def deliver_but_not_at_first(reader: Reader, delivery: Delivery) -> None:
        if delivery.done and failures:
            raise failures.pop()
        await deliver(reader, delivery)

    monkeypatch.setattr(Reader, "deliver", deliver_but_not_at_first)
    async with consuming(database, streams):
        await send(streams, "a", replyto=UNSET)
        await counted(database, "a")
        await eventually(lambda: asyncio.sleep(0, not failures))
        await nothing_pending(streams)
    await age_outbox(database)
    await sweep(database, streams)
    assert await told(streams) == ["a"]


async def test_a_consumer_does_not_rest_while_somebody_waits_for_an_answer(
    database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "REST_SECONDS", 3600.0)
    async with consuming(database, streams):
        for name in ("a", "b", "c"):
            await send(streams, name)
            await counted(database, name)


async def test_a_consumer_does_not_rest_while_it_is_behind(
    database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "REST_SECONDS", 3600.0)
    await send(streams, "a", "b", "c", replyto=UNSET, apart=True)
    async with consuming(database, streams, batch_size=1):
        await counted(database, "a", "b", "c")


async def test_nothing_is_told_or_acknowledged_when_the_transaction_does_not_commit(
    database: Database, streams: Streams
) -> None:
    attempted = asyncio.Event()

    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        await count(batch, tx)
        attempted.set()
        raise ConnectionResetError("the database went away")

    async with consuming(database, streams, handler):
        await send(streams, "a")
        await attempted.wait()
    assert await things(database) == set()
    assert await told(streams) == []
    assert len(await pending(streams)) == 1
    assert await dead_letters(database) == []


async def test_a_restarted_consumer_first_finishes_what_it_was_given_before(
    database: Database, streams: Streams
) -> None:
    await send(streams, "old")
    await read(streams, "toy", Count.TOPIC, "toy-1")
    await send(streams, "new")
    async with consuming(database, streams):
        await counted(database, "old", "new")
        await nothing_pending(streams)
    assert await told(streams) == ["old", "new"]


async def test_a_message_whose_acknowledgement_was_lost_comes_again_and_has_no_second_effect(
    database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = Reader.exchange
    failures = [Unavailable("the connection broke")]

    async def exchange_but_not_at_first(reader: Reader, delivery: Delivery) -> list[Entry]:
        if delivery.done and failures:
            raise failures.pop()
        return await exchange(reader, delivery)

    monkeypatch.setattr(Reader, "exchange", exchange_but_not_at_first)
    await send(streams, "a")
    async with consuming(database, streams):
        await counted(database, "a")
        await nothing_pending(streams)
    assert failures == []
    assert await told(streams) == []  # committed, not published, and not told again: that is the sweeper's work
    await age_outbox(database)
    assert await sweep(database, streams) == 1
    assert await told(streams) == ["a"]


async def test_a_poisonous_message_is_buried_and_the_others_of_its_batch_are_handled(
    database: Database, streams: Streams
) -> None:
    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        if any(received.message.thing == "poison" for received in batch):
            raise ZeroDivisionError("cannot count this")
        return await count(batch, tx)

    await send(streams, "a", "b", "poison", "c")
    async with consuming(database, streams, handler):
        await counted(database, "a", "b", "c")
        await nothing_pending(streams)
    assert await dead_letters(database) == ["ZeroDivisionError: cannot count this"]
    assert sorted(await told(streams)) == ["a", "b", "c"]


@pytest.mark.parametrize("payload", [b"", b"\xff\x00", b"{}", b'{"type": 1}', b"[" * 5000])
async def test_an_entry_that_is_no_message_is_buried(database: Database, streams: Streams, payload: bytes) -> None:
    await append(streams, [Outgoing(Count.TOPIC, "a", payload)])
    await send(streams, "a")
    async with consuming(database, streams):
        await counted(database, "a")
        await nothing_pending(streams)
    assert len(await dead_letters(database)) == 1


async def test_an_entry_without_the_field_of_a_message_is_buried(
    database: Database, streams: Streams, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.xadd(f"{Count.TOPIC}.{{0}}", {"something": "else"})
    await send(streams, "a")
    async with consuming(database, streams):
        await counted(database, "a")
        await nothing_pending(streams)
    assert len(await dead_letters(database)) == 1


async def test_what_is_not_subscribed_to_is_passed_over(database: Database, streams: Streams) -> None:
    stranger = wrap(OrderConfirmed(order_id="01a206cd-427d-77a1-8aa6-7ee7769e5ae9"), source="/test")  # type: ignore[arg-type]  # only its text matters
    await append(streams, [Outgoing(Count.TOPIC, "a", encode(stranger))])
    async with consuming(database, streams):
        await send(streams, "a")
        await counted(database, "a")
        await nothing_pending(streams)
    assert await dead_letters(database) == []


async def test_an_entry_that_was_trimmed_while_it_was_pending_is_passed_over(
    database: Database, streams: Streams, redis_url: str
) -> None:
    await send(streams, "lost")
    await read(streams, "toy", Count.TOPIC, "toy-1")
    with redis.Redis.from_url(redis_url) as client:
        client.xtrim(f"{Count.TOPIC}.{{0}}", maxlen=0)
    async with consuming(database, streams):
        await send(streams, "a")
        await counted(database, "a")
        await nothing_pending(streams)


async def test_after_redis_lost_everything_the_group_is_created_again(
    database: Database, streams: Streams, redis_url: str
) -> None:
    async with consuming(database, streams):
        await send(streams, "before")
        await counted(database, "before")
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        await send(streams, "after")
        await counted(database, "after")


async def test_two_replicas_share_the_work(database: Database, streams: Streams) -> None:
    names = list(map(str, range(300)))
    async with consuming(database, streams, name="toy-1"), consuming(database, streams, name="toy-2"):
        for name in names:
            await send(streams, name)
        await counted(database, *names)
    assert sorted(await told(streams)) == sorted(names)
    assert await pending(streams, "toy-1") == await pending(streams, "toy-2") == []
