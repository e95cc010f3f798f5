import asyncio
from functools import partial
from typing import Any

import pytest

from onhand.common.contracts import Event, Message
from onhand.common.database import Database, Transaction
from onhand.common.message_service import Timer, run_timer
from onhand.common.messaging import unanswered
from onhand.common.messaging.envelope import Publish, Received, wrap
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.unanswered import Unanswered, expect_answers, note_answers, tell_again
from onhand.common.messaging.unit_of_work import UnitOfWork
from toy import Count, Counted, told

HOUR = 3600.0


class Weighed(Event, frozen=True):
    """A thing was weighed."""

    TYPE = "toy.weighed.v1"
    TOPIC = "toy.events"
    SUBJECT = "thing"

    thing: str
    grams: int


def counted(thing: str, cause: Received[Message] | None = None) -> Unanswered:
    return Unanswered(f"count/{thing}", Publish(Counted(thing=thing), cause))


async def note(database: Database, *events: Unanswered) -> list[Publish]:
    async with database.transaction() as tx:
        return await expect_answers(tx, events)


async def answer(database: Database, *facts: str) -> None:
    async with database.transaction() as tx:
        await note_answers(tx, facts)


async def wait(database: Database, seconds: float) -> None:
    """Let time go by, or with less than 0 set the clock back."""
    async with database.transaction() as tx:
        await tx.execute("UPDATE unanswered_events SET asked_at = asked_at - make_interval(secs => $1)", seconds)


async def told_again(database: Database) -> list[Publish]:
    async with database.transaction() as tx:
        return await tell_again([Counted, Weighed], 3.0, tx)


def things(publishes: list[Publish]) -> list[Any]:
    return sorted(publish.event.thing for publish in publishes if isinstance(publish.event, Counted | Weighed))


async def test_an_event_is_told_at_once_and_again_each_time_later_until_it_is_answered(
    orders_database: Database,
) -> None:
    assert await note(orders_database, counted("a")) == [Publish(Counted(thing="a"))]
    for seconds, expected in ((2, []), (2, ["a"]), (4, []), (4, ["a"]), (11, []), (2, ["a"])):
        await wait(orders_database, seconds)
        assert things(await told_again(orders_database)) == expected
    await answer(orders_database, "count/a")
    await wait(orders_database, HOUR)
    assert await told_again(orders_database) == []


async def test_the_wait_does_not_grow_for_ever(orders_database: Database) -> None:
    await note(orders_database, counted("a"))
    for _ in range(12):
        await wait(orders_database, 3 * 32 + 1)
        assert things(await told_again(orders_database)) == ["a"]


async def test_no_more_is_told_at_once_by_a_plan_that_was_made_for_a_short_table(
    orders_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unanswered, "_AT_ONCE", 5)
    await note(orders_database, counted("first"))
    async with orders_database.session() as session:
        async with session.transaction() as tx:
            await tx.execute("ANALYZE unanswered_events")
            assert await tell_again([Counted], 3.0, tx) == []
        await note(orders_database, *(counted(str(number)) for number in range(20)))
        await wait(orders_database, HOUR)
        async with session.transaction() as tx:
            assert len(await tell_again([Counted], 3.0, tx)) == 5


async def test_only_what_is_answered_is_forgotten(orders_database: Database) -> None:
    await note(orders_database, counted("a"), counted("b"), counted("c"))
    await answer(orders_database, "count/b", "count/never-told")
    await wait(orders_database, HOUR)
    assert things(await told_again(orders_database)) == ["a", "c"]


async def test_an_event_that_is_noted_again_stays_as_it_was(orders_database: Database) -> None:
    heavy, light = (Unanswered("weight", Publish(Weighed(thing="a", grams=grams))) for grams in (900, 100))
    await note(orders_database, heavy)
    await note(orders_database, light, light)
    await wait(orders_database, HOUR)
    assert [publish.event for publish in await told_again(orders_database)] == [heavy.publish.event]


async def test_nothing_is_noted_by_a_transaction_that_is_rolled_back(orders_database: Database) -> None:
    async def fail() -> None:
        async with orders_database.transaction() as tx:
            await expect_answers(tx, [counted("a")])
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    await wait(orders_database, HOUR)
    assert await told_again(orders_database) == []


async def test_what_is_told_again_belongs_to_the_same_story(orders_database: Database) -> None:
    command = Count(thing="a")
    envelope = wrap(command, source="/test", correlationid="the story", traceparent="00-trace", actor="ann")
    (first,) = await note(orders_database, counted("a", Received(command, envelope)))
    await wait(orders_database, HOUR)
    (again,) = await told_again(orders_database)
    assert again.event == first.event
    assert again.cause is not None
    then = wrap(again.event, source="/toy", cause=again.cause.envelope)
    assert (then.correlationid, then.causationid, then.traceparent, then.actor) == (
        "the story",
        envelope.id,
        "00-trace",
        "ann",
    )


async def test_an_event_that_was_told_before_the_clock_was_set_back_is_told_again(orders_database: Database) -> None:
    await note(orders_database, counted("a"))
    await wait(orders_database, -HOUR)
    assert things(await told_again(orders_database)) == ["a"]
    assert await told_again(orders_database) == []


async def test_two_replicas_tell_each_event_again_once(orders_database: Database) -> None:
    await note(orders_database, *(counted(f"{number:02}") for number in range(50)))
    await wait(orders_database, HOUR)

    async def tell() -> list[Publish]:
        async with orders_database.transaction() as tx:
            again = await tell_again([Counted], 3.0, tx)
            await asyncio.sleep(0)
            return again

    taken = things([publish for batch in await asyncio.gather(tell(), tell(), tell()) for publish in batch])
    assert taken == [f"{number:02}" for number in range(50)]


async def test_a_replica_does_not_wait_for_another_one_that_tells_again(orders_database: Database) -> None:
    await note(orders_database, counted("a"))
    await wait(orders_database, HOUR)
    async with orders_database.transaction() as tx:
        assert things(await tell_again([Counted], 3.0, tx)) == ["a"]
        async with asyncio.timeout(5.0):
            assert await told_again(orders_database) == []


async def test_an_event_of_a_type_that_this_version_does_not_know_waits_for_one_that_does(
    orders_database: Database,
) -> None:
    await note(orders_database, counted("a"), Unanswered("weight", Publish(Weighed(thing="b", grams=1))))
    await wait(orders_database, HOUR)
    async with orders_database.transaction() as tx:
        assert things(await tell_again([Counted], 3.0, tx)) == ["a"]
    assert things(await told_again(orders_database)) == ["b"]


async def test_the_timer_publishes_what_waits(orders_database: Database, streams: Streams) -> None:
    async def begin(tx: Transaction) -> list[Publish]:
        return await expect_answers(tx, [counted("a"), counted("b")])

    unit = UnitOfWork("toy")
    await unit.run(begin, orders_database, streams)
    assert await told(streams) == ["a", "b"]
    timer = Timer("tell again", 1.0, partial(tell_again, [Counted], 3.0), Counted.TOPIC)
    await run_timer(timer, unit, orders_database, streams)
    assert await told(streams) == []
    await answer(orders_database, "count/a")
    await wait(orders_database, HOUR)
    await run_timer(timer, unit, orders_database, streams)
    assert await told(streams) == ["b"]
