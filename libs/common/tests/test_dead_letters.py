"""What cannot be handled is kept with all that is known of it, and what comes after it waits."""

import asyncio
import random
from collections.abc import Sequence
from functools import partial

import asyncpg
import pytest
import redis
from msgspec import Raw
from msgspec.structs import replace

from onhand.common.database import Database, Transaction
from onhand.common.errors import Unavailable
from onhand.common.messaging import dead_keys
from onhand.common.messaging.dead_keys import DeadKeys
from onhand.common.messaging.entries import Delivery
from onhand.common.messaging.envelope import Effect, Envelope, Outgoing, Received, encode, wrap
from onhand.common.messaging.reader import Reader, open_reader
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.testing import eventually
from stories import Ask, Happened, Stories, Write, brief, new_stories, poison


@pytest.fixture
async def stories(orders_database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch) -> Stories:
    return await new_stories(orders_database, streams, monkeypatch)


async def until_done(stories: Stories, *topics: str, name: str = "toy-1") -> None:
    """Wait until everything on the topics is read and acknowledged."""

    async def is_done() -> bool:
        for topic in topics or (Write.TOPIC, Happened.TOPIC, Ask.TOPIC):
            async with open_reader(stories.streams, "toy", name, topic, count=10) as reader:
                if await reader.read_own_pending():
                    return False
        return True

    await eventually(is_done)


async def test_a_poisonous_message_is_kept_with_all_that_is_known_of_it(stories: Stories, redis_url: str) -> None:
    stories.faults["a", 1] = poison()
    (envelope,) = await stories.send(Write(story="a", step=1))
    async with stories.consuming("toy-7"):
        (row,) = await stories.until_rows(1)
    with redis.Redis.from_url(redis_url) as client:
        ((entry_id, fields),) = client.xrange("toy.commands.{0}")
    expected = {
        "state": "failed",
        "key": "a",
        "type": Write.TYPE,
        "message_id": envelope.id,
        "topic": Write.TOPIC,
        "partition": 0,
        "entry_id": entry_id.decode(),
        "payload": fields[b"event"],
        "consumer": "toy-7",
        "attempts": 5,
        "error": "ZeroDivisionError: this cannot be written",
        "retry": False,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["first_failed_at"] == row["last_failed_at"] == row["buried_at"]


async def test_later_messages_with_its_key_are_parked_in_order_and_others_go_on(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    async with stories.consuming():
        await stories.send(*(Write(story=story, step=step) for step in (1, 2, 3) for story in ("a", "b")))
        await stories.until_rows(3)
        await stories.send(Write(story="a", step=4), Write(story="b", step=4))
        await stories.until_rows(4)
        await stories.until_written(("b", 4))
        await until_done(stories)
    assert await stories.written() == [("b", 1), ("b", 2), ("b", 3), ("b", 4)]
    rows = await stories.rows()
    assert brief(rows) == [("failed", "a", "write")] + [("parked", "a", "write")] * 3
    assert [f'"step":{step}'.encode() in row["payload"] for step, row in enumerate(rows, start=1)] == [True] * 4
    assert [(row["attempts"], row["error"], row["first_failed_at"]) for row in rows[1:]] == [(0, "", None)] * 3


async def test_a_replica_that_begins_knows_what_another_one_buried(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    async with stories.consuming("toy-1"):
        await stories.send(Write(story="a", step=1))
        await stories.until_rows(1)
    await stories.send(Write(story="a", step=2))
    async with stories.consuming("toy-2", refresh_seconds=60):
        await stories.until_rows(2)
    assert await stories.written() == []


async def test_a_replica_that_runs_learns_what_another_one_buried(stories: Stories) -> None:
    keys = DeadKeys()
    async with stories.consuming(dead_keys=keys):
        await stories.change(
            "INSERT INTO dead_letters (topic, entry_id, payload, error, key)"
            " VALUES ('toy.commands', '1-0', '', '?', 'a')"
        )

        async def known() -> bool:
            return keys.may_hold("a")

        await eventually(known)
        await stories.send(Write(story="a", step=1))
        await stories.until_rows(2)
    assert await stories.written() == []


async def test_a_message_whose_key_was_freed_meanwhile_is_handled(stories: Stories) -> None:
    keys = DeadKeys()
    async with stories.consuming(dead_keys=keys, refresh_seconds=60):
        await stories.send(Write(story="b", step=1))
        await stories.until_written(("b", 1))
        keys.add("a")
        await stories.send(Write(story="a", step=1), Write(story="b", step=2))
        await stories.until_written(("a", 1), ("b", 2))
    assert await stories.rows() == []


async def test_keys_are_asked_for_one_by_one_when_they_are_too_many_to_know(
    stories: Stories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_keys, "_MOST_KEYS", 2)
    for key in "abcd":
        stories.faults[key, 1] = poison()
    async with stories.consuming():
        await stories.send(*(Write(story=key, step=1) for key in "abcd"))
        await stories.until_rows(4)
    await stories.send(*(Write(story=key, step=2) for key in "abcde"))
    async with stories.consuming():
        await stories.until_rows(8)
        await stories.until_written(("e", 2))


async def test_an_event_that_is_told_again_and_again_is_parked_once(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    async with stories.consuming():
        await stories.send(Happened(story="a", step=1))
        await stories.until_rows(1)
        for step in (1, 1, 2, 2, 1, 1):
            await stories.send(Happened(story="a", step=step))
        await stories.send(Happened(story="b", step=1))
        await stories.until_written(("b", 1))
    rows = await stories.rows()
    assert [row["payload"].partition(b'"step":')[2][:1] for row in rows] == [b"1", b"2", b"1"]


async def test_commands_that_want_the_same_are_all_parked(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    async with stories.consuming():
        await stories.send(*[Write(story="a", step=1)] * 4)
        await stories.until_rows(4)


async def test_what_is_delivered_again_is_kept_once(stories: Stories, monkeypatch: pytest.MonkeyPatch) -> None:
    stories.faults["a", 1] = poison()
    deliver = Reader.deliver
    failures = [Unavailable("the connection broke")] * 3

    async def deliver_but_not_at_first(reader: Reader, delivery: Delivery) -> None:
        if delivery.done and failures:
            raise failures.pop()
        await deliver(reader, delivery)

    monkeypatch.setattr(Reader, "deliver", deliver_but_not_at_first)
    await stories.send(Write(story="a", step=1), Write(story="a", step=2))
    async with stories.consuming():

        async def all_failed() -> bool:
            return not failures

        await eventually(all_failed)
        await until_done(stories)
        failures.append(Unavailable("the connection broke"))
        await stories.send(Happened(story="a", step=3))
        await eventually(all_failed)
        await until_done(stories)
    assert brief(await stories.rows()) == [
        ("failed", "a", "write"),
        ("parked", "a", "write"),
        ("parked", "a", "happened"),
    ]


async def test_while_a_message_is_being_tried_only_those_on_its_own_topic_wait(stories: Stories) -> None:
    may_fail = asyncio.Event()

    async def fail(_: Sequence[Received[Write]], __: Transaction) -> list[Effect]:
        await may_fail.wait()
        raise poison()

    stories.subscriptions[0] = Subscription(Write, fail)
    await stories.send(Write(story="a", step=1), Write(story="a", step=2), Happened(story="a", step=3))
    async with stories.consuming():
        await stories.until_written(("a", 3))
        may_fail.set()
        await stories.until_rows(2)
        await stories.send(Happened(story="a", step=4))
        await stories.until_rows(3)
    assert await stories.written() == [("a", 3)]


async def test_a_query_waits_for_nothing_and_nothing_waits_for_a_query(stories: Stories, redis_url: str) -> None:
    stories.faults |= {("a", 1): poison(), ("a", 9): poison()}
    with redis.Redis.from_url(redis_url) as client, client.pubsub() as replies:
        replies.subscribe("replies.test")
        async with stories.consuming():
            await stories.send(Ask(story="a", step=1))
            await stories.until_rows(1)
            await stories.send(Write(story="a", step=2))
            await stories.until_written(("a", 2))
            await stories.send(Write(story="a", step=9))
            await stories.until_rows(2)
            await stories.send(Ask(story="a", step=3), Ask(story="a", step=1))

            async def asked_again() -> bool:
                return bool((await stories.rows())[0]["attempts"] == 10)

            await eventually(asked_again)
        rows = await stories.rows()
        received = [replies.get_message(timeout=1) for _ in range(2)]
    assert [(row["state"], row["key"], row["type"]) for row in rows] == [
        ("failed", None, Ask.TYPE),
        ("failed", "a", Write.TYPE),
    ]
    assert received[1] is not None
    assert b'"thing":"a"' in received[1]["data"]


def forged(envelope: Envelope) -> list[Envelope]:
    return [
        replace(envelope, subject="\x00"),
        replace(envelope, subject=random.Random(0).randbytes(50_000).hex()),  # noqa: S311  # nothing that compresses
        replace(envelope, id="\x00" * 100_000),
        replace(envelope, data=Raw(b'{"story":"\\u0000"}')),
        replace(envelope, data=Raw(b"[" * 100_000)),
    ]


async def test_nothing_that_anybody_may_write_keeps_it_from_being_buried(stories: Stories) -> None:
    stories.faults["a", 1] = ValueError("\x00" + "y" * 100_000)
    envelope = wrap(Write(story="a", step=1), source="/test")
    payloads = [encode(it) for it in forged(envelope)] + [b"", b"\xff", b"[" * 100_000]
    await stories.append(*(Outgoing(Write.TOPIC, "a", payload) for payload in payloads))
    async with stories.consuming():
        rows = await stories.until_rows(len(payloads))
        await stories.send(Write(story="b", step=1))
        await stories.until_written(("b", 1))
    assert {row["payload"] for row in rows} == set(payloads)
    assert max(len(row["error"]) for row in rows) <= 4000


async def test_a_message_whose_statement_takes_too_long_is_set_aside_until_it_gets_through(stories: Stories) -> None:
    is_slow = True

    async def write(batch: Sequence[Received[Write]], tx: Transaction) -> list[Effect]:
        for received in batch:
            if received.message.story == "slow" and is_slow:
                await tx.execute("SET LOCAL statement_timeout = 10; SELECT pg_sleep(10)")
            await tx.execute("INSERT INTO steps (story, step) VALUES ($1, 1)", received.message.story)
        return []

    stories.subscriptions = [Subscription(Write, write)]
    await stories.send(*(Write(story=story, step=1) for story in ("a", "slow", "b", "c")))
    async with stories.consuming():
        (row,) = await stories.until_rows(1)
        await stories.until_written(("a", 1), ("b", 1), ("c", 1))
    assert (row["key"], row["error"]) == ("slow", "QueryCanceledError: canceling statement due to statement timeout")
    with pytest.raises(asyncpg.QueryCanceledError):
        await stories.work_off()
    assert len(await stories.rows()) == 1
    is_slow = False
    await stories.work_off()  # nobody had to ask for it
    assert await stories.rows() == []
    assert ("slow", 1) in await stories.written()


async def test_a_server_that_is_slow_for_long_makes_no_message_need_a_hand(stories: Stories) -> None:
    messages = [Write(story=story, step=1) for story in "abcd"]
    stories.faults = {(it.story, it.step): asyncpg.QueryCanceledError("slow") for it in messages}
    async with stories.consuming():
        await stories.send(*messages)
        await stories.until_rows(4)
        stories.faults.clear()
        await stories.work_off()
    assert await stories.rows() == []
    assert sorted(await stories.written()) == [(it.story, it.step) for it in messages]


async def is_given(streams: Streams) -> bool:
    """Whether every question was given to somebody."""
    return not await streams.backlog(Ask.TOPIC)


async def test_a_query_that_takes_too_long_is_dropped(stories: Stories) -> None:
    stories.faults["a", 1] = asyncpg.QueryCanceledError("slow")
    async with stories.consuming():
        await stories.send(Ask(story="a", step=1))
        await eventually(partial(is_given, stories.streams))
        await until_done(stories, Ask.TOPIC)
    assert await stories.rows() == []


async def test_a_server_that_is_slow_for_a_while_is_not_held_against_a_message(stories: Stories) -> None:
    slow = iter([asyncpg.QueryCanceledError("slow"), asyncpg.QueryCanceledError("slow")])

    async def write(batch: Sequence[Received[Write]], tx: Transaction) -> list[Effect]:
        if fault := next(slow, None):
            raise fault
        await tx.execute("INSERT INTO steps (story, step) VALUES ('a', $1)", len(batch))
        return []

    stories.subscriptions = [Subscription(Write, write)]
    await stories.send(Write(story="a", step=1), Write(story="b", step=1))
    async with stories.consuming():
        await stories.until_written(("a", 2))
    assert await stories.rows() == []


async def test_a_statement_with_too_many_arguments_is_the_fault_of_the_message(stories: Stories) -> None:
    async def write(_: Sequence[Received[Write]], tx: Transaction) -> list[Effect]:
        await tx.execute("SELECT 1", "one too many")
        return []

    stories.subscriptions = [Subscription(Write, write)]
    await stories.send(Write(story="a", step=1))
    async with stories.consuming():
        (row,) = await stories.until_rows(1)
    assert "the server expects 0 arguments for this query, 1 was passed" in row["error"]
