"""Many requests in one envelope: each is answered as if it had come alone, and fails alone."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest
import redis
from msgspec import UNSET

from onhand.common.database import Database, Transaction
from onhand.common.errors import NoReply, Unavailable
from onhand.common.messaging.bundles import MOST_PARTS, bundle, part_of, parts_of
from onhand.common.messaging.entries import stream_key
from onhand.common.messaging.envelope import Effect, Envelope, Outgoing, Received, decode, encode
from onhand.common.messaging.streams import Streams, open_streams
from onhand.common.testing import eventually
from stories import Stories, Write, brief, new_stories, poison
from toy import Count, Ok, append, asking, consuming, count, create_table, pending, things

NAMES = [str(number) for number in range(250)]
COMMANDS = [Count(thing=name) for name in NAMES]


@pytest.fixture
async def database(orders_database: Database) -> Database:
    await create_table(orders_database)
    return orders_database


@pytest.fixture
async def stories(orders_database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch) -> Stories:
    return await new_stories(orders_database, streams, monkeypatch)


def bundled(*requests: Count | Write) -> Envelope:
    return bundle(
        [part_of(it) for it in requests], source="/test", replyto="replies.test", traceparent=UNSET, actor="ann"
    )


async def send_bundle(streams: Streams, *requests: Count | Write) -> Envelope:
    """Put a bundle on its stream; returns it."""
    envelope = bundled(*requests)
    await append(streams, [Outgoing(requests[0].TOPIC, envelope.subject, encode(envelope), len(requests))])
    return envelope


async def until_done(streams: Streams) -> None:
    async def is_done() -> bool:
        return not await pending(streams)

    await eventually(is_done)


def kinds(outcomes: Sequence[object]) -> Counter[type]:
    return Counter(map(type, outcomes))


def test_each_part_has_an_envelope_of_its_own_that_is_the_same_each_time() -> None:
    whole = bundled(Count(thing="a"), Write(story="b", step=1))
    one, other = parts_of(decode(encode(whole)))
    assert (one.type, one.subject, one.correlationid, one.id) == (Count.TYPE, "a", "a", f"{whole.id}.0")
    assert (other.type, other.subject, other.correlationid, other.id) == (Write.TYPE, "b", "b", f"{whole.id}.1")
    assert (one.actor, one.replyto, one.time) == (whole.actor, whole.replyto, whole.time)
    assert [encode(part) for part in parts_of(whole)] == [encode(one), encode(other)]


async def test_many_requests_leave_in_few_envelopes_and_each_gets_its_own_reply(
    database: Database, streams: Streams, redis_url: str
) -> None:
    async with consuming(database, streams, batch_size=MOST_PARTS), asking(streams) as requests:
        replies = await requests.ask_all(COMMANDS, actor="ann")
    assert [(reply.subject, reply.type) for reply in replies if isinstance(reply, Envelope)] == [
        (name, Ok.TYPE) for name in NAMES
    ]
    with redis.Redis.from_url(redis_url) as client:
        entries = client.xrange(stream_key(Count.TOPIC))
    assert [name for _, fields in entries for name in fields] == [b"100", b"100", b"50"]


async def test_a_bundle_holds_what_belongs_to_one_partition(redis_url: str) -> None:
    async with open_streams(redis_url, partitions=3) as streams, asking(streams, timeout_seconds=0.2) as requests:
        assert kinds(await requests.ask_all(COMMANDS)) == {NoReply: len(NAMES)}
        with redis.Redis.from_url(redis_url) as client:
            for partition in range(3):
                entries = client.xrange(stream_key(Count.TOPIC, partition))
                parts = [part for _, fields in entries for it in fields.values() for part in parts_of(decode(it))]
                assert parts
                assert {streams.partition_of(part.subject) for part in parts} == {partition}


async def test_more_than_there_are_places_for_are_asked_one_after_the_other(
    database: Database, streams: Streams
) -> None:
    most = 0

    async with asking(streams, max_in_flight=20) as requests:

        async def counting(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
            nonlocal most
            most = max(most, requests.in_flight)
            return await count(batch, tx)

        async with consuming(database, streams, counting):
            outcomes = await requests.ask_all(COMMANDS)
        assert kinds(outcomes) == {Envelope: len(NAMES)}
        assert (most, requests.in_flight) == (20, 0)


async def test_of_too_many_that_get_no_reply_the_others_are_not_sent(streams: Streams, redis_url: str) -> None:
    async with asking(streams, timeout_seconds=0.2, max_in_flight=20) as requests:
        outcomes = await requests.ask_all(COMMANDS)
        alone = await requests.ask_all(COMMANDS[:5])
    assert [type(it) for it in outcomes] == [NoReply] * 20 + [Unavailable] * (len(NAMES) - 20)
    assert kinds(alone) == {NoReply: 5}
    with redis.Redis.from_url(redis_url) as client:
        assert client.xlen(stream_key(Count.TOPIC)) == 2


async def test_parts_count_as_requests_and_as_messages_that_wait(streams: Streams) -> None:
    async with asking(streams, timeout_seconds=0.5, max_in_flight=20) as requests:
        asked = asyncio.create_task(requests.ask_all(COMMANDS[:20]))

        async def are_sent() -> bool:
            return await streams.backlog(Count.TOPIC) == 20

        await eventually(are_sent)
        assert requests.in_flight == 20
        with pytest.raises(Unavailable, match="20 requests are under way"):
            await requests.ask(Count(thing="a"))
        assert kinds(await requests.ask_all(COMMANDS)) == {Unavailable: len(NAMES)}
        assert kinds(await asked) == {NoReply: 20}


async def test_a_transaction_takes_no_more_bundles_than_its_share(database: Database, streams: Streams) -> None:
    sizes: list[int] = []

    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        sizes.append(len(batch))
        return await count(batch, tx)

    for start in range(0, 250, 25):
        await send_bundle(streams, *COMMANDS[start : start + 25])
    async with consuming(database, streams, handler, batch_size=110):

        async def all_are_counted() -> bool:
            return len(await things(database)) == 250

        await eventually(all_are_counted)
    assert sizes == [100, 100, 50]


async def test_a_guilty_part_is_buried_alone_and_the_others_are_done_and_answered(
    database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onhand.common.messaging.batches._ATTEMPT_SECONDS", 0)

    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        if "7" in [received.message.thing for received in batch]:
            raise ZeroDivisionError("cannot count this")
        return await count(batch, tx)

    async with consuming(database, streams, handler), asking(streams, timeout_seconds=2) as requests:
        outcomes = await requests.ask_all(COMMANDS)
        assert [type(it) for it in outcomes[:7]] + [type(it) for it in outcomes[8:]] == [Envelope] * 249
        assert isinstance(outcomes[7], NoReply)
        await until_done(streams)
    assert await things(database) == {*NAMES} - {"7"}
    async with database.transaction() as tx:
        (row,) = await tx.fetch("SELECT key, type, payload FROM dead_letters")
    assert (row["key"], row["type"], decode(row["payload"]).type) == ("7", Count.TYPE, Count.TYPE)


async def test_a_part_waits_behind_a_dead_letter_and_the_others_of_its_bundle_do_not(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    async with stories.consuming():
        await send_bundle(stories.streams, Write(story="a", step=1), Write(story="b", step=1))
        await stories.until_rows(1)
        await send_bundle(stories.streams, Write(story="b", step=2), Write(story="a", step=2), Write(story="c", step=1))
        await stories.until_rows(2)
        await stories.until_written(("b", 1), ("b", 2), ("c", 1))
        await until_done(stories.streams)
        assert brief(await stories.rows()) == [("failed", "a", "write"), ("parked", "a", "write")]
        stories.faults.clear()
        await stories.change("UPDATE dead_letters SET retry = true WHERE state = 'failed'")
        await stories.work_off()
    assert await stories.written() == [("b", 1), ("b", 2), ("c", 1), ("a", 1), ("a", 2)]


async def test_bundles_of_which_no_part_waits_are_handled_together_whatever_else_is_dead(stories: Stories) -> None:
    bundles = [bundled(*(Write(story=story, step=1) for story in those)) for those in ("bc", "de")]
    stories.faults["a", 1] = poison()
    async with stories.consuming():
        await send_bundle(stories.streams, Write(story="a", step=1))
        await stories.until_rows(1)
        stories.sizes.clear()
        await append(stories.streams, [Outgoing(Write.TOPIC, it.subject, encode(it), 2) for it in bundles])
        await stories.until_written(*((story, 1) for story in "bcde"))
    assert stories.sizes == [4]


async def test_a_crash_between_the_parts_of_a_bundle_brings_all_of_it_again_and_nothing_happens_twice(
    database: Database, streams: Streams
) -> None:
    failed = asyncio.Event()

    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        if len(batch) == 4:
            raise ZeroDivisionError("so that the bundle is divided, and then halved")
        if "3" in [received.message.thing for received in batch]:
            failed.set()
            raise ConnectionResetError("the database goes away before the second half")
        return await count(batch, tx)

    await send_bundle(streams, *COMMANDS[:4])
    async with consuming(database, streams, handler):
        await failed.wait()
    assert await things(database) == {"0", "1"}
    assert len(await pending(streams)) == 1

    ids: list[str] = []

    async def seeing(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        ids.extend(received.envelope.id for received in batch)
        return await count(batch, tx)

    async with consuming(database, streams, seeing):
        await until_done(streams)
    assert len(set(ids)) == 4
    assert await things(database) == {"0", "1", "2", "3"}


@pytest.mark.parametrize("data", [b"{}", b"[1]", b'[["toy.count.v1", "a"]]', b'[["toy.count.v1", "a", {"thing": 7}]]'])
async def test_a_bundle_that_cannot_be_read_is_buried_and_disturbs_nobody(
    database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr("onhand.common.messaging.batches._ATTEMPT_SECONDS", 0)
    payload = encode(bundled(Count(thing="x"))).replace(b'[["toy.count.v1","x",{"thing":"x"}]]', data)
    assert data in payload
    await append(streams, [Outgoing(Count.TOPIC, "x", payload, 3)])
    await send_bundle(streams, Count(thing="b"))
    async with consuming(database, streams), asking(streams) as requests:
        assert kinds(await requests.ask_all(COMMANDS[:2])) == {Envelope: 2}
        await until_done(streams)
    assert await things(database) == {"b", "0", "1"}
    async with database.transaction() as tx:
        assert len(await tx.fetch("SELECT FROM dead_letters")) == 1
