import asyncio
from typing import Any
from uuid import UUID, uuid4

from onhand.common.contracts import (
    CreateOrder,
    GetOrder,
    OrderConfirmed,
    OrderCreated,
    OrderDetails,
    OrderReceipt,
    OrderRejected,
    RequestRefused,
    StockRejected,
    StockReserved,
)
from onhand.common.database import Database
from onhand.common.messaging.envelope import Answer, Effect, Publish, Received
from onhand.common.testing import received
from onhand.orders.handlers import ask_again, create_orders, settle_orders
from onhand.orders.queries import get_orders


def command(quantity: int = 1, order_id: UUID | None = None) -> Received[CreateOrder]:
    return received(CreateOrder(order_id=order_id or uuid4(), customer_id="ann", product_id="apple", quantity=quantity))


async def create(database: Database, *batch: Received[CreateOrder]) -> list[Effect]:
    async with database.transaction() as tx:
        return await create_orders(batch, tx)


async def settle(database: Database, *batch: Received[Any]) -> list[Publish]:
    async with database.transaction() as tx:
        return await settle_orders(batch, tx)


async def get(database: Database, order_id: UUID) -> OrderDetails:
    async with database.transaction() as tx:
        reply = (await get_orders([received(GetOrder(order_id=order_id))], tx))[0].reply
    assert isinstance(reply, OrderDetails)
    return reply


async def events(database: Database, order_id: UUID) -> list[tuple[int, str]]:
    async with database.transaction() as tx:
        rows = await tx.fetch("SELECT version, type FROM order_events WHERE order_id = $1 ORDER BY version", order_id)
    return [(row["version"], row["type"]) for row in rows]


def published(effects: list[Effect]) -> list[object]:
    return [effect.event for effect in effects if isinstance(effect, Publish)]


def replies(effects: list[Effect]) -> list[object]:
    return [effect.reply for effect in effects if isinstance(effect, Answer)]


async def test_an_order_is_stored_logged_published_and_answered(orders_database: Database) -> None:
    ordered = command(quantity=3)
    order_id = ordered.message.order_id
    effects = await create(orders_database, ordered)
    assert published(effects) == [OrderCreated(order_id=order_id, customer_id="ann", product_id="apple", quantity=3)]
    assert replies(effects) == [OrderReceipt(order_id=order_id, product_id="apple", quantity=3, status="pending")]
    assert await events(orders_database, order_id) == [(1, OrderCreated.TYPE)]
    stored = await get(orders_database, order_id)
    assert (stored.customer_id, stored.quantity, stored.status) == ("ann", 3, "pending")


async def test_a_command_that_comes_again_makes_no_second_order_and_gets_the_stored_one(
    orders_database: Database,
) -> None:
    ordered = command()
    order_id = ordered.message.order_id
    await create(orders_database, ordered)
    await settle(orders_database, received(StockReserved(order_id=order_id)))
    effects = await create(orders_database, ordered, ordered)
    assert published(effects) == []
    assert replies(effects) == [OrderReceipt(order_id=order_id, product_id="apple", quantity=1, status="confirmed")] * 2
    assert await events(orders_database, order_id) == [(1, OrderCreated.TYPE), (2, OrderConfirmed.TYPE)]


async def test_a_command_twice_in_one_batch_makes_one_order(orders_database: Database) -> None:
    ordered = command()
    effects = await create(orders_database, ordered, command(), ordered)
    assert len(published(effects)) == 2
    assert len(replies(effects)) == 3


async def test_two_replicas_storing_one_order_at_once_publish_it_once(orders_database: Database) -> None:
    ordered = command()
    effects = await asyncio.gather(*(create(orders_database, ordered) for _ in range(6)))
    assert sum(len(published(each)) for each in effects) == 1
    assert all(len(replies(each)) == 1 for each in effects)


async def test_reserved_stock_confirms_an_order(orders_database: Database) -> None:
    ordered = command()
    order_id = ordered.message.order_id
    await create(orders_database, ordered)
    answer = received(StockReserved(order_id=order_id))
    assert await settle(orders_database, answer) == [Publish(OrderConfirmed(order_id=order_id), cause=answer)]
    assert (await get(orders_database, order_id)).status == "confirmed"


async def test_rejected_stock_rejects_an_order_with_the_reason(orders_database: Database) -> None:
    ordered = command()
    order_id = ordered.message.order_id
    await create(orders_database, ordered)
    answer = received(StockRejected(order_id=order_id, reason="unknown-product", requested=1, available=0))
    assert [effect.event for effect in await settle(orders_database, answer)] == [
        OrderRejected(order_id=order_id, reason="unknown-product")
    ]
    stored = await get(orders_database, order_id)
    assert (stored.status, stored.reason) == ("rejected", "unknown-product")


async def test_an_order_that_has_ended_does_not_end_again(orders_database: Database) -> None:
    ordered = command()
    order_id = ordered.message.order_id
    await create(orders_database, ordered)
    await settle(orders_database, received(StockReserved(order_id=order_id)))
    late = received(StockRejected(order_id=order_id, reason="insufficient-stock", requested=1, available=0))
    again = received(StockReserved(order_id=order_id))
    assert await settle(orders_database, late, again) == []
    assert (await get(orders_database, order_id)).status == "confirmed"
    assert len(await events(orders_database, order_id)) == 2


async def test_of_two_answers_in_one_batch_the_first_counts(orders_database: Database) -> None:
    ordered = command()
    order_id = ordered.message.order_id
    await create(orders_database, ordered)
    late = received(StockRejected(order_id=order_id, reason="insufficient-stock", requested=1, available=0))
    await settle(orders_database, received(StockReserved(order_id=order_id)), late)
    assert (await get(orders_database, order_id)).status == "confirmed"


async def test_an_answer_about_an_order_nobody_knows_changes_nothing(orders_database: Database) -> None:
    assert await settle(orders_database, received(StockReserved(order_id=uuid4()))) == []


async def test_an_order_nobody_knows_is_refused_by_name(orders_database: Database) -> None:
    async with orders_database.transaction() as tx:
        (answer,) = await get_orders([received(GetOrder(order_id=uuid4()))], tx)
    assert isinstance(answer.reply, RequestRefused)
    assert answer.reply.code == "order-not-found"


async def test_an_unanswered_order_is_asked_for_again_and_each_time_later(orders_database: Database) -> None:
    ordered = command()
    await create(orders_database, ordered)

    async def ask_after(seconds: float) -> int:
        async with orders_database.transaction() as tx:
            await tx.execute("UPDATE orders SET asked_at = asked_at - make_interval(secs => $1)", seconds)
            return len(await ask_again(3.0, tx))

    assert await ask_after(2) == 0
    assert await ask_after(2) == 1
    assert await ask_after(4) == 0
    assert await ask_after(4) == 1


async def test_an_order_that_was_asked_for_before_the_clock_was_set_back_is_asked_for_again(
    orders_database: Database,
) -> None:
    await create(orders_database, command())
    async with orders_database.transaction() as tx:
        await tx.execute("UPDATE orders SET asked_at = asked_at + interval '1 day'")
        assert len(await ask_again(3.0, tx)) == 1
        assert len(await ask_again(3.0, tx)) == 0


async def test_an_answered_order_is_not_asked_for_again(orders_database: Database) -> None:
    ordered = command()
    await create(orders_database, ordered)
    await settle(orders_database, received(StockReserved(order_id=ordered.message.order_id)))
    async with orders_database.transaction() as tx:
        await tx.execute("UPDATE orders SET asked_at = asked_at - interval '1 hour'")
        assert await ask_again(3.0, tx) == []


async def test_two_replicas_asking_again_at_once_ask_for_each_order_once(orders_database: Database) -> None:
    await create(orders_database, *(command() for _ in range(50)))

    async def ask() -> list[UUID]:
        async with orders_database.transaction() as tx:
            asked = await ask_again(3.0, tx)
            await asyncio.sleep(0)
            return [effect.event.order_id for effect in asked if isinstance(effect.event, OrderCreated)]

    async with orders_database.transaction() as tx:
        await tx.execute("UPDATE orders SET asked_at = asked_at - interval '1 hour'")
    taken = [order_id for batch in await asyncio.gather(ask(), ask(), ask()) for order_id in batch]
    assert len(taken) == len(set(taken)) == 50
