import asyncio

import pytest
import redis

from onhand.common.contracts import CheckStock
from onhand.common.database import Database
from onhand.common.errors import NoReply, Unavailable
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.presence import announce
from onhand.common.messaging.request_reply import Requests
from onhand.common.messaging.streams import Streams
from onhand.common.testing import eventually
from toy import Count, Ok, asking, consuming, create_table, send


async def test_a_request_gets_its_own_reply(orders_database: Database, streams: Streams) -> None:
    await create_table(orders_database)
    names = list(map(str, range(200)))
    async with consuming(orders_database, streams), asking(streams) as requests:
        replies = await asyncio.gather(*(requests.ask(Count(thing=name)) for name in names))
    assert [reply.subject for reply in replies] == names
    assert {reply.type for reply in replies} == {Ok.TYPE}


async def test_a_request_nobody_answers_ends_in_time(streams: Streams) -> None:
    async with asking(streams, timeout_seconds=0.1) as requests:
        with pytest.raises(NoReply, match=r"within 0\.1 s"):
            await requests.ask(Count(thing="a"))


async def test_a_reply_that_comes_too_late_disturbs_nobody(orders_database: Database, streams: Streams) -> None:
    await create_table(orders_database)
    async with asking(streams, timeout_seconds=0.1) as requests:
        with pytest.raises(NoReply):
            await requests.ask(Count(thing="late"))
        async with consuming(orders_database, streams):
            reply = await eventually_answered(requests, "prompt")
    assert reply == "prompt"


async def eventually_answered(requests: Requests, name: str) -> str:
    for _ in range(20):
        try:
            return (await requests.ask(Count(thing=name))).subject
        except NoReply:
            continue
    raise AssertionError("never answered")


async def test_one_request_too_many_is_refused_at_once(streams: Streams) -> None:
    async with asking(streams, timeout_seconds=0.2, max_in_flight=2) as requests:
        outcomes = await asyncio.gather(*(requests.ask(Count(thing=str(n))) for n in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [NoReply, NoReply, Unavailable]


async def test_while_too_much_waits_commands_are_refused_and_queries_are_not(streams: Streams) -> None:
    async with asking(streams, timeout_seconds=0.3, max_backlog=2) as requests:
        await send(streams, "a", "b", "c")
        await announce("toy", streams)

        async def refused() -> bool:
            try:
                await requests.ask(Count(thing="d"))
            except Unavailable as error:
                return str(error).endswith("messages wait to be worked off")
            except NoReply:
                return False
            return False

        assert await eventually(refused)
        with pytest.raises(NoReply):
            await requests.ask(CheckStock(product_id="a"))


async def test_a_service_that_has_fallen_silent_is_not_asked(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onhand.common.messaging.presence._ABSENT_AFTER_SECONDS", 0.1)
    async with asking(streams, timeout_seconds=0.3) as requests:
        with pytest.raises(NoReply):
            await requests.ask(Count(thing="a"))
        with pytest.raises(Unavailable, match="toy is not ready"):
            await requests.ask(Count(thing="b"))
        await announce("toy", streams)

        async def asked_again() -> bool:
            try:
                await requests.ask(Count(thing="c"))
            except NoReply:
                return True
            except Unavailable:
                await announce("toy", streams)
            return False

        assert await eventually(asked_again)


async def test_a_full_redis_refuses_requests_and_takes_them_again_when_there_is_room(
    orders_database: Database, streams: Streams, redis_url: str
) -> None:
    await create_table(orders_database)
    async with consuming(orders_database, streams), asking(streams) as requests:
        with redis.Redis.from_url(redis_url) as client:
            client.config_set("maxmemory", 1)
            with pytest.raises(Unavailable):
                await requests.ask(Count(thing="a"))
            client.config_set("maxmemory", 0)
        assert (await requests.ask(Count(thing="b"))).subject == "b"


async def test_whatever_redis_refuses_is_told_as_unavailable_and_ends_nothing(
    orders_database: Database, streams: Streams, redis_url: str
) -> None:
    await create_table(orders_database)
    with redis.Redis.from_url(redis_url) as client:
        client.set(f"{Count.TOPIC}.{{0}}", "something else")
        async with consuming(orders_database, streams), asking(streams) as requests:
            with pytest.raises(Unavailable, match="Redis refuses: WRONGTYPE"):
                await requests.ask(Count(thing="a"))
            client.delete(f"{Count.TOPIC}.{{0}}")
            assert (await requests.ask(Count(thing="b"))).subject == "b"


async def test_of_messages_that_leave_together_none_is_appended_if_one_cannot_be(
    streams: Streams, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("b.commands.{0}", "something else")
        with pytest.raises(Unavailable, match="Redis refuses: WRONGTYPE"):
            await streams.tell([Outgoing("a.commands", "a", b"{}"), Outgoing("b.commands", "b", b"{}")])
        assert not client.exists("a.commands.{0}")


async def test_a_subscription_that_has_died_without_a_word_is_noticed_and_made_anew(
    orders_database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onhand.common.messaging.streams._SILENCE_SECONDS", 0.1)
    await create_table(orders_database)
    async with asking(streams) as requests:
        monkeypatch.setattr("redis.asyncio.client.PubSub.ping", _nothing)

        async def noticed() -> bool:
            try:
                await requests.check_listening()
            except Unavailable:
                return True
            return False

        assert await eventually(noticed)
        monkeypatch.undo()
        async with consuming(orders_database, streams):

            async def answered() -> bool:
                try:
                    return (await requests.ask(Count(thing="a"))).subject == "a"
                except Unavailable:
                    return False

            assert await eventually(answered)


async def _nothing(*_: object) -> None:
    """Do nothing, as a connection that nobody is behind any more."""


async def test_forged_replies_disturb_nobody(orders_database: Database, streams: Streams, redis_url: str) -> None:
    await create_table(orders_database)
    async with consuming(orders_database, streams), asking(streams) as requests:
        with redis.Redis.from_url(redis_url) as client:
            for channel in client.pubsub_channels("replies.*"):
                for forged in (b"\xff", b"{}", b"[]", b'[{"type": "x"}]'):
                    client.publish(channel, forged)
        assert (await requests.ask(Count(thing="a"))).subject == "a"
