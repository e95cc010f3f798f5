import asyncio
from collections.abc import Sequence

from onhand.common.database import Database, Transaction
from onhand.common.message_service import by_topic
from onhand.common.messaging.consumer import Consumer, Member
from onhand.common.messaging.dead_keys import DeadKeys
from onhand.common.messaging.envelope import Effect, Outgoing, Received, encode, wrap
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.testing import eventually
from toy import Count, Counted, Ok, append, count, create_table, send, things


class Recount(Count, frozen=True):
    """Count one thing again."""

    TYPE = "toy.recount.v1"


async def nothing(_: Sequence[Received[Ok]], __: Transaction) -> list[Effect]:
    return []


def test_subscriptions_to_one_topic_have_one_consumer_and_keep_their_order() -> None:
    of_count, of_counted, of_recount = [Subscription(it, nothing) for it in (Count, Counted, Recount)]
    assert by_topic([of_count, of_counted, of_recount]) == [[of_count, of_recount], [of_counted]]


async def test_a_topic_waits_for_no_other(orders_database: Database, streams: Streams) -> None:
    await create_table(orders_database)
    may_end = asyncio.Event()

    async def be_slow(_: Sequence[Received[Counted]], __: Transaction) -> list[Effect]:
        await may_end.wait()
        return []

    subscriptions = [Subscription(Counted, be_slow), Subscription(Count, count)]
    consumers = [
        Consumer("toy", some, orders_database, streams, Member("toy-1"), DeadKeys()) for some in by_topic(subscriptions)
    ]
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for consumer in consumers:
            tasks.create_task(consumer.run(stopping))
        event = wrap(Counted(thing="slow"), source="/test")
        await append(streams, [Outgoing(Counted.TOPIC, "slow", encode(event))])
        await eventually(lambda: is_being_read(streams))
        await send(streams, "a")
        await eventually(lambda: things(orders_database))
        may_end.set()
        stopping.set()


async def is_being_read(streams: Streams) -> bool:
    return await streams.backlog(Counted.TOPIC) == 0
