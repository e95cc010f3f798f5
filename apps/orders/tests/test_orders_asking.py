import asyncio
from uuid import UUID

import pytest

from apps.orders.tests.desk import confirmed, create, created, deliver, fulfil, placed
from onhand.common.contracts import CancelOrder, CreateOrder, OrderCancelled, OrderCreated, StockReleased, StockReserved
from onhand.common.database import Database
from onhand.common.message_service import Timer
from onhand.common.messaging.envelope import Effect, Publish
from onhand.orders.handlers.asking import ask_again, forget
from onhand.orders.store import asking
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
    pending = create(BASKET)
    await deliver(orders_database, pending, *(create(BASKET) for _ in range(2 * MOST_NOTED_TOGETHER)))
    await confirmed(orders_database, BASKET)
    await deliver(orders_database, *(CancelOrder(order_id) for order_id in await others(orders_database, pending)))
    assert await noted_after(orders_database, 2) == 4
    assert await noted_after(orders_database, 2) == 1
    assert await asked_after(orders_database, 0) == [created(pending)]


async def test_what_is_answered_is_forgotten_also_while_nobody_is_asked(orders_database: Database) -> None:
    order_id = await placed(orders_database, BASKET)
    assert await done_besides(orders_database, 4) == 1
    await deliver(orders_database, StockReserved(order_id))
    assert await done_besides(orders_database, 4) == 0


async def done_besides(database: Database, seconds: float) -> int:
    """Let time go by while too much waits for Inventory; returns in how many rows orders are noted then."""
    for timer in timers(3.0):
        if timer.topic is None:
            async with database.transaction() as tx:
                await tx.execute("UPDATE asked_orders SET asked_at = asked_at - make_interval(secs => $1)", seconds)
                assert await timer.work(tx) == []
    return await noted_after(database, 0)


async def noted_after(database: Database, seconds: float) -> int:
    """Let time go by and what is answered be forgotten; returns in how many rows orders are noted then."""
    async with database.transaction() as tx:
        await tx.execute("UPDATE asked_orders SET asked_at = asked_at - make_interval(secs => $1)", seconds)
        await forget(3.0, tx)
        rows: int = await tx.fetchval("SELECT count(*) FROM asked_orders")
    return rows


@pytest.mark.parametrize("together", [1, 3])
async def test_many_orders_are_asked_for_in_turn_so_many_at_once(
    orders_database: Database, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(asking, "_MOST_TAKEN", 7)
    for _ in range(12 // together):
        await deliver(orders_database, *(create(BASKET) for _ in range(together)))
    asked = [len(await asked_after(orders_database, 60))]
    while len(asked) < 3:
        asked.append(len(await asked_after(orders_database, 0)))
    assert asked == ([7, 5, 0] if together == 1 else [6, 6, 0])


async def test_no_more_is_asked_for_at_once_by_a_plan_that_was_made_for_a_short_table(
    orders_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_MOST_TAKEN", 5)
    await placed(orders_database, BASKET)
    async with orders_database.session() as session:
        async with session.transaction() as tx:
            await tx.execute("ANALYZE orders, asked_orders")
            assert await ask_again(3.0, tx) == []
        for _ in range(20):
            await placed(orders_database, BASKET)
        async with session.transaction() as tx:
            await tx.execute("UPDATE asked_orders SET asked_at = asked_at - interval '1 minute'")
            assert len(await ask_again(3.0, tx)) == 5


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
