"""What many ask at the same time leaves together."""

import asyncio

import pytest
import redis
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from onhand.common.contracts import CheckStock
from onhand.common.database import Database
from onhand.common.errors import NoReply, Unavailable
from onhand.common.messaging.bundles import MOST_PARTS, TYPE, part_of, parts_of
from onhand.common.messaging.entries import stream_key
from onhand.common.messaging.envelope import Envelope, decode
from onhand.common.messaging.outbound import Asked, put_in_envelopes
from onhand.common.messaging.request_reply import Requests
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.writer import Writer
from toy import Count, asking, consuming, create_table

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def asked(name: str, trace: str | UnsetType = UNSET, actor: str | UnsetType = UNSET) -> Asked:
    reply: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()
    return Asked(Count.TOPIC, part_of(Count(thing=name)), trace, actor, reply, 0)


def envelopes(*those: Asked) -> list[tuple[Envelope, dict[str, Asked]]]:
    return [(decode(it.payload), ids) for it, ids in put_in_envelopes(those, "/test", "replies.test")]


async def test_a_request_that_is_alone_needs_no_bundle() -> None:
    alone = asked("a", TRACE, "ann")
    ((envelope, ids),) = envelopes(alone)
    assert (envelope.type, envelope.subject, envelope.traceparent, envelope.actor) == (Count.TYPE, "a", TRACE, "ann")
    assert ids == {envelope.id: alone}


async def test_requests_that_wait_at_the_same_time_leave_in_bundles() -> None:
    those = [asked(str(number)) for number in range(MOST_PARTS + 2)]
    found = envelopes(*those)
    assert [(envelope.type, len(ids)) for envelope, ids in found] == [(TYPE, MOST_PARTS), (TYPE, 2)]
    parts = [(part.id, part.subject) for envelope, _ in found for part in parts_of(envelope)]
    assert parts == [(request_id, it.part.subject) for _, ids in found for request_id, it in ids.items()]


async def test_what_goes_along_is_the_same_for_all_of_a_bundle() -> None:
    found = envelopes(asked("a"), asked("b", TRACE), asked("c", UNSET, "ann"), asked("d"), asked("e", TRACE))
    told = [(it.traceparent, it.actor, [part.subject for part in parts_of(it)]) for it, _ in found if it.type == TYPE]
    assert told == [(UNSET, UNSET, ["a", "d"]), (TRACE, UNSET, ["b", "e"])]
    assert [(it.subject, it.actor) for it, _ in found if it.type != TYPE] == [("c", "ann")]


async def test_requests_to_different_services_go_their_own_ways() -> None:
    stock = replace(asked("a"), topic=CheckStock.TOPIC, part=part_of(CheckStock(product_id="tea")))
    messages = [it.topic for it, _ in put_in_envelopes([asked("a"), stock, asked("b")], "/test", "replies.test")]
    assert messages == [Count.TOPIC, CheckStock.TOPIC]


async def test_what_comes_while_an_append_is_under_way_leaves_in_one_envelope_afterwards(
    orders_database: Database, streams: Streams, redis_url: str
) -> None:
    await create_table(orders_database)
    async with consuming(orders_database, streams), asking(streams) as requests:
        first = asyncio.create_task(requests.ask(Count(thing="first")))
        await asyncio.sleep(0)
        others = [asyncio.create_task(requests.ask(Count(thing=str(number)))) for number in range(9)]
        replies = await asyncio.gather(first, *others)
    assert [reply.subject for reply in replies] == ["first", *map(str, range(9))]
    with redis.Redis.from_url(redis_url) as client:
        sizes = [name for _, fields in client.xrange(stream_key(Count.TOPIC)) for name in fields]
    assert len(sizes) < len(replies)


async def test_what_redis_did_not_take_in_time_is_told_to_be_undone_and_is_not_sent_later(
    streams: Streams, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_free = asyncio.Event()
    append = Writer.append

    async def append_late(writer: Writer, messages: object) -> None:
        async with asyncio.timeout(5):  # or who fails to give up is waited for
            await is_free.wait()
        await append(writer, messages)  # type: ignore[arg-type]  # they are passed on

    monkeypatch.setattr(Writer, "append", append_late)
    async with asking(streams, timeout_seconds=0.2, max_in_flight=2) as requests:
        sent = asyncio.create_task(requests.ask(Count(thing="sent")))
        await asyncio.sleep(0.01)
        unsent = asyncio.create_task(requests.ask(Count(thing="unsent")))
        await asyncio.sleep(0.01)
        assert requests.in_flight == 2
        with pytest.raises(NoReply):
            await sent
        with pytest.raises(Unavailable, match=r"took nothing within 0\.2 s"):
            await unsent
        assert requests.in_flight == 0
        is_free.set()
        with pytest.raises(NoReply):
            await requests.ask(Count(thing="later"))
    with redis.Redis.from_url(redis_url) as client:
        told = [value for _, fields in client.xrange(stream_key(Count.TOPIC)) for value in fields.values()]
    assert [b"unsent" in it for it in told] == [False] * 2


async def test_what_redis_refuses_leaves_its_places_at_once(streams: Streams, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(stream_key(Count.TOPIC), "something else")
        async with asking(streams, max_in_flight=2) as requests:
            for _ in range(2):
                outcomes = await asyncio.gather(
                    *(requests.ask(Count(thing=name)) for name in "ab"), return_exceptions=True
                )
                assert [str(it)[:25] for it in outcomes] == ["Redis refuses: WRONGTYPE "] * 2
            assert requests.in_flight == 0


async def test_who_gives_up_waiting_disturbs_nobody(
    orders_database: Database, streams: Streams, redis_url: str
) -> None:
    await create_table(orders_database)
    async with asking(streams, timeout_seconds=0.3) as requests:
        await _give_up(requests)
        with pytest.raises(NoReply):  # when that of who has given up is overdue, too
            await requests.ask(Count(thing="b"))
        with redis.Redis.from_url(redis_url) as client:
            client.rename(stream_key(Count.TOPIC), "elsewhere")
            client.set(stream_key(Count.TOPIC), "something else")
            await _give_up(requests, Count(thing="c"))
            with pytest.raises(Unavailable):  # as that of who has given up
                await requests.ask(Count(thing="d"))
            client.delete(stream_key(Count.TOPIC))
        async with consuming(orders_database, streams):
            assert (await requests.ask(Count(thing="e"))).subject == "e"


async def _give_up(requests: Requests, *others: Count) -> None:
    leaving = [requests.send(it) for it in (Count(thing="a"), *others)]
    for reply in leaving:
        reply.cancel()
    await asyncio.sleep(0.01)


async def test_what_cannot_be_encoded_is_its_askers_fault_alone(orders_database: Database, streams: Streams) -> None:
    await create_table(orders_database)
    async with consuming(orders_database, streams), asking(streams) as requests:
        good = requests.send(Count(thing="good"))
        with pytest.raises(UnicodeEncodeError):
            await requests.send(Count(thing="\ud800"))
        assert (await good).subject == "good"
        assert requests.in_flight == 0
