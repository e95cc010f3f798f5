"""What is counted while messages are handled and requests refused. Counters live as long as the process does."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest
from prometheus_client import REGISTRY
from redis import Redis

from onhand.common.contracts import OrderConfirmed
from onhand.common.database import Database, Transaction
from onhand.common.errors import NoReply, Unavailable
from onhand.common.messaging.connections import Refused
from onhand.common.messaging.envelope import Effect, Outgoing, Received, encode, wrap
from onhand.common.messaging.presence import announce
from onhand.common.messaging.request_reply import Limits, Requests
from onhand.common.messaging.streams import Streams
from onhand.common.testing import eventually
from stories import Write, new_stories, poison
from toy import Count, append, asking, consuming, count, create_table, pending, send, things


@pytest.fixture
async def database(orders_database: Database) -> Database:
    await create_table(orders_database)
    return orders_database


@contextmanager
def counted(name: str, **labels: str) -> Iterator[Callable[[], float]]:
    """Count from here on."""

    def value() -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = value()
    yield lambda: value() - before


async def all_acknowledged(database: Database, streams: Streams, *names: str) -> None:
    async def so() -> bool:
        return await things(database) >= set(names) and not await pending(streams)

    await eventually(so)


def messages(kind: str) -> dict[str, str]:
    return {"service": "toy", "type": kind}


BATCHES = {"service": "toy", "topic": Count.TOPIC}


async def test_messages_are_counted_by_type_and_batches_by_size_and_duration(
    database: Database, streams: Streams
) -> None:
    names = [str(number) for number in range(50)]
    with (
        counted("onhand_messages_total", **messages(Count.TYPE)) as handled,
        counted("onhand_batch_messages_sum", **BATCHES) as in_batches,
        counted("onhand_batch_messages_bucket", **BATCHES, le="20.0") as in_small_batches,
        counted("onhand_batch_seconds_count", **BATCHES) as transactions,
        counted("onhand_batch_seconds_sum", **BATCHES) as seconds,
    ):
        await send(streams, *names)
        async with consuming(database, streams):
            await all_acknowledged(database, streams, *names)
        assert handled() == in_batches() == 50
        assert (transactions(), in_small_batches()) == (1, 0)
        assert 0 < seconds() < 10


async def test_messages_of_types_that_nobody_knows_are_counted_as_one(database: Database, streams: Streams) -> None:
    stranger = wrap(OrderConfirmed(order_id="01a206e2-3b25-7794-95c4-aebf20be900e"), source="/test")  # type: ignore[arg-type]  # as JSON has it
    with (
        counted("onhand_messages_total", **messages("other")) as others,
        counted("onhand_messages_total", **messages(Count.TYPE)) as handled,
    ):
        await append(streams, [Outgoing(Count.TOPIC, stranger.subject, encode(stranger))] * 2)
        await send(streams, "a")
        async with consuming(database, streams):
            await all_acknowledged(database, streams, "a")
        assert (others(), handled()) == (2, 1)
    assert REGISTRY.get_sample_value("onhand_messages_total", messages(OrderConfirmed.TYPE)) is None


async def test_a_buried_message_is_counted_and_so_is_every_transaction_it_made_fail(
    database: Database, streams: Streams
) -> None:
    with (
        counted("onhand_messages_buried_total", service="toy", topic=Count.TOPIC, state="failed") as buried,
        counted("onhand_batch_failures_total", service="toy", kind="poison") as poison,
        counted("onhand_batch_failures_total", service="toy", kind="transient") as transient,
        counted("onhand_messages_total", **messages(Count.TYPE)) as handled,
    ):
        await append(streams, [Outgoing(Count.TOPIC, "a", b"no message")])
        await send(streams, "b")
        async with consuming(database, streams):
            await all_acknowledged(database, streams, "b")
        assert (buried(), transient(), handled()) == (1, 0, 1)
        assert poison() == 1 + 5, "the batch of both, and five attempts with the one"


async def test_messages_that_are_parked_and_worked_off_are_counted(
    orders_database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = await new_stories(orders_database, streams, monkeypatch)
    stories.faults["a", 1] = poison()
    with (
        counted("onhand_messages_buried_total", service="toy", topic=Write.TOPIC, state="failed") as failed,
        counted("onhand_messages_buried_total", service="toy", topic=Write.TOPIC, state="parked") as parked,
        counted("onhand_messages_retried_total", service="toy", outcome="handled") as handled,
        counted("onhand_messages_retried_total", service="toy", outcome="failed") as failed_again,
    ):
        async with stories.consuming():
            await stories.send(*(Write(story="a", step=step) for step in (1, 2, 3)))
            await stories.until_rows(3)
        assert (failed(), parked()) == (1, 2)
        stories.faults = {("a", 2): poison()}
        await stories.change("UPDATE dead_letters SET retry = true WHERE state = 'failed'")
        await stories.work_off()
        assert (handled(), failed_again()) == (1, 1)


async def test_a_transaction_that_fails_because_the_database_is_away_is_counted_as_such(
    database: Database, streams: Streams
) -> None:
    failures = [ConnectionResetError("the database went away")]

    async def handler(batch: Sequence[Received[Count]], tx: Transaction) -> Sequence[Effect]:
        if failures:
            raise failures.pop()
        return await count(batch, tx)

    with (
        counted("onhand_batch_failures_total", service="toy", kind="transient") as transient,
        counted("onhand_batch_failures_total", service="toy", kind="poison") as poison,
        counted("onhand_messages_total", **messages(Count.TYPE)) as handled,
    ):
        await send(streams, "a")
        async with consuming(database, streams, handler):
            await all_acknowledged(database, streams, "a")
        assert (transient(), poison(), handled()) == (1, 0, 1)


def refused(requests: Requests) -> dict[str, int]:
    """Counts by reason; those without any are left out."""
    return {reason: count for reason, count in requests.refused.items() if count}


async def test_requests_in_flight_are_counted_and_the_one_too_many(streams: Streams) -> None:
    async with asking(streams, timeout_seconds=0.2, max_in_flight=2) as requests:
        asked = [asyncio.ensure_future(requests.ask(Count(thing=str(number)))) for number in range(3)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert requests.in_flight == 2
        await asyncio.wait(asked)
        assert requests.in_flight == 0
    assert [type(it.exception()) for it in asked] == [NoReply, NoReply, Unavailable]
    assert refused(requests) == {"too-many": 1}


async def test_requests_to_who_is_away_are_counted(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onhand.common.messaging.presence._ABSENT_AFTER_SECONDS", 0.0)
    async with asking(streams) as requests:
        with pytest.raises(Unavailable, match="toy is not ready"):
            await requests.ask(Count(thing="a"))
    assert refused(requests) == {"receiver-away": 1}


async def test_requests_while_too_much_waits_are_counted(streams: Streams) -> None:
    await streams.create_group("toy", Count.TOPIC)
    await send(streams, "a", "b", "c")
    async with asking(streams, timeout_seconds=0.1, max_backlog=2) as requests:
        await announce("toy", streams)

        async def is_refused() -> bool:
            with suppress(NoReply):
                await requests.ask(Count(thing="d"))
            return bool(refused(requests))

        with pytest.raises(Unavailable, match="wait to be worked off"):
            await eventually(is_refused)
    assert refused(requests) == {"backlog": 1}


async def test_requests_without_redis_are_counted(streams: Streams) -> None:
    requests = Requests("test", streams, timeout_seconds=1, limits=Limits(1, 1))  # not running, so it cannot listen
    with pytest.raises(Unavailable, match="Redis is away"):
        await requests.ask(Count(thing="a"))
    assert refused(requests) == {"redis-away": 1}


async def test_requests_that_redis_does_not_take_are_counted(streams: Streams, redis_url: str) -> None:
    async with asking(streams) as requests:
        with Redis.from_url(redis_url) as redis:
            redis.config_set("maxmemory", 1)
        outcomes = await asyncio.gather(
            *(requests.ask(Count(thing=str(number))) for number in range(3)), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [Refused] * 3
    assert refused(requests) == {"redis-away": 3}
