import asyncio
from uuid import UUID

from apps.orders.tests.desk import confirmed, create, created, deliver, fulfil, placed
from onhand.common.contracts import CancelOrder, CreateOrder, OrderCancelled, OrderCreated, StockReleased, StockReserved
from onhand.common.database import Database
from onhand.common.message_service import Timer
from onhand.common.messaging.envelope import Effect, Publish
from onhand.orders.handlers.asking import ask_again
from onhand.orders.store.asking import MOST_NOTED_TOGETHER
from onhand.orders.subscriptions import timers

BASKET = {"apple": 3, "pear": 2}


async def asked_after(database: Database, seconds: float) -> list[OrderCreated]:
    """Let time go by, or with less than 0 set the clock back; returns what is asked then."""
    async with database.transaction() as tx:
        await tx.execute("UPDATE asked_orders SET asked_at = asked_at - make_interval(secs => $1)", seconds)
        return [publish.event for publish in await ask_again(3.0, tx) if isinstance(publish.event, OrderCreated)]


async def test_an_unanswered_order_is_asked_for_again_as_it_was_placed_and_each_time_later(
    orders_database: Database,
) -> None:
    command = create(BASKET, policy="backorder", reservation_id=UUID(int=1), reference="A-1", metadata={"gift": "yes"})
    await deliver(orders_database, command)
    for seconds, expected in ((2, []), (2, [created(command)]), (4, []), (4, [created(command)])):
        assert await asked_after(orders_database, seconds) == expected


async def test_an_order_that_was_asked_for_before_the_clock_was_set_back_is_asked_for_again(
    orders_database: Database,
) -> None:
    await placed(orders_database, BASKET)
    assert len(await asked_after(orders_database, -86_400)) == 1
    assert len(await asked_after(orders_database, 0)) == 0


async def test_an_order_that_is_settled_or_cancelled_is_not_asked_for_again(orders_database: Database) -> None:
    await confirmed(orders_database, BASKET)
    await deliver(orders_database, CancelOrder(await placed(orders_database, BASKET)))
    assert await asked_after(orders_database, 3600) == []


async def test_what_is_answered_is_not_looked_at_again(orders_database: Database) -> None:
    async def count() -> int:
        async with orders_database.transaction() as tx:
            rows: int = await tx.fetchval("SELECT count(*) FROM asked_orders")
        return rows

    pending = create(BASKET)
    await deliver(orders_database, pending, *(create(BASKET) for _ in range(2 * MOST_NOTED_TOGETHER)))
    await confirmed(orders_database, BASKET)
    assert await count() == 4
    await deliver(orders_database, *(CancelOrder(order_id) for order_id in await others(orders_database, pending)))
    assert await asked_after(orders_database, 2) == []
    assert await count() == 4
    assert await asked_after(orders_database, 2) == [created(pending)]
    assert await count() == 1


async def others(database: Database, command: CreateOrder) -> list[UUID]:
    async with database.transaction() as tx:
        rows = await tx.fetch("SELECT order_id FROM orders WHERE order_id <> $1", command.order_id)
    return [row["order_id"] for row in rows]


async def test_two_replicas_asking_again_at_once_ask_for_each_order_once(orders_database: Database) -> None:
    await deliver(orders_database, *(create(BASKET) for _ in range(50)))
    async with orders_database.transaction() as tx:
        await tx.execute("UPDATE asked_orders SET asked_at = asked_at - interval '1 hour'")
    batches = await asyncio.gather(*(asked_after(orders_database, 0) for _ in range(3)))
    taken = [event.order_id for batch in batches for event in batch]
    assert len(taken) == len(set(taken)) == 50


async def test_what_inventory_has_to_do_is_told_again_until_it_says_that_it_did(orders_database: Database) -> None:
    def timer(name: str) -> Timer:
        return next(each for each in timers(3.0) if each.name == name)

    async def tell_again() -> list[Effect]:
        async with orders_database.transaction() as tx:
            await tx.execute("UPDATE unanswered_events SET asked_at = asked_at - interval '1 hour'")
            return list(await timer("tell again").work(tx))

    order_id, sent = await confirmed(orders_database, BASKET), await confirmed(orders_database, BASKET)
    told = await deliver(orders_database, CancelOrder(order_id, "too late"), fulfil(sent, {"apple": 1}))
    again = [effect.event for effect in await tell_again() if isinstance(effect, Publish)]
    assert sorted(again, key=lambda event: event.TYPE) == told.events
    await deliver(orders_database, StockReleased(order_id), StockReserved(sent))
    assert [type(effect.event) for effect in await tell_again() if isinstance(effect, Publish)] == [
        type(told.events[1])
    ]
    assert {timer("ask again").topic, timer("tell again").topic} == {OrderCreated.TOPIC} == {OrderCancelled.TOPIC}
