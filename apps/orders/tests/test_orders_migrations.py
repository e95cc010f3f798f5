"""What was stored before there were lines can be read after, and the other way round."""

from uuid import UUID, uuid4

from msgspec import UNSET
from msgspec.json import decode

from apps.orders.tests.desk import backordered, confirmed, counters, deliver, fulfil, get, log, placed
from onhand.cli.packages import package_directory
from onhand.common.contracts import (
    CancelOrder,
    GetTimeline,
    Line,
    OrderCreated,
    OrderRejected,
    OrderTimeline,
    StockReserved,
)
from onhand.common.database import Database

OLD_EVENTS = {
    "orders.order-created.v1": '{"orderId": "%s", "customerId": "ann", "productId": "apple", "quantity": 3}',
    "orders.order-confirmed.v1": '{"orderId": "%s"}',
    "orders.order-rejected.v1": '{"orderId": "%s", "reason": "insufficient-stock"}',
}


async def migrate(database: Database, direction: str) -> None:
    file = package_directory("onhand.orders") / "migrations" / "20261125000101_shop.sql"
    _, up, down = file.read_text().replace("-- migrate:down", "-- migrate:up").split("-- migrate:up")
    async with database.transaction() as tx:
        await tx.execute(up if direction == "up" else down)


async def store_old(database: Database, status: str, *events: str) -> UUID:
    order_id = uuid4()
    async with database.transaction() as tx:
        await tx.execute(
            "INSERT INTO orders (order_id, customer_id, product_id, quantity, status, reason, version)"
            " VALUES ($1, 'ann', 'apple', 3, $2, $3, $4)",
            order_id,
            status,
            "insufficient-stock" if status == "rejected" else None,
            len(events),
        )
        for version, kind in enumerate(events, start=1):
            await tx.execute(
                "INSERT INTO order_events (order_id, version, type, data, caused_by) VALUES ($1, $2, $3, $4, 'm')",
                order_id,
                version,
                kind,
                OLD_EVENTS[kind] % order_id,
            )
    return order_id


async def test_orders_of_one_product_become_orders_with_one_line(orders_database: Database) -> None:
    await migrate(orders_database, "down")
    created, confirmed_, rejected_ = OLD_EVENTS
    pending = await store_old(orders_database, "pending", created)
    settled = await store_old(orders_database, "confirmed", created, confirmed_)
    rejected = await store_old(orders_database, "rejected", created, rejected_)
    await migrate(orders_database, "up")
    assert await counters(orders_database, pending) == [{}]
    assert await counters(orders_database, settled) == [{"reserved": 3}]
    assert await counters(orders_database, rejected) == [{"cancelled": 3}]
    (line,) = (await get(orders_database, rejected)).lines
    assert (line.product_id, line.ordered, line.available) == ("apple", 3, UNSET)
    assert (await get(orders_database, rejected)).reason == "insufficient-stock"
    for order_id in (pending, settled):
        await deliver(orders_database, StockReserved(order_id), fulfil(order_id, {"apple": 1}))
        assert await counters(orders_database, order_id) == [{"reserved": 2, "fulfilled": 1}]


async def test_the_log_of_then_is_told_in_the_words_of_today(orders_database: Database) -> None:
    await migrate(orders_database, "down")
    order_id = await store_old(orders_database, "rejected", "orders.order-created.v1", "orders.order-rejected.v1")
    await migrate(orders_database, "up")
    assert await log(orders_database, order_id) == ["order-created", "order-rejected"]
    (told,) = (await deliver(orders_database, GetTimeline(order_id))).replies
    assert isinstance(told, OrderTimeline)
    assert [entry.source for entry in told.events] == ["gateway", "inventory"]
    async with orders_database.transaction() as tx:
        rows = await tx.fetch("SELECT type, data FROM order_events ORDER BY version")
    created, rejected = (decode(row["data"], type=kind) for row, kind in zip(rows, KINDS, strict=True))
    assert [row["type"] for row in rows] == [kind.TYPE for kind in KINDS]
    assert created == OrderCreated(order_id, "ann", (Line("apple", 3),))
    assert rejected == OrderRejected(order_id, "insufficient-stock", ())


KINDS = (OrderCreated, OrderRejected)


async def test_what_one_product_cannot_tell_is_forgotten_on_the_way_back(orders_database: Database) -> None:
    basket = {"apple": 3, "pear": 1}
    ids = {
        "pending": await placed(orders_database, basket, idempotency_key="k"),
        "confirmed": await confirmed(orders_database, basket),
        "backordered": await backordered(orders_database, basket, {}),
        "cancelled": await placed(orders_database, basket),
    }
    await deliver(orders_database, fulfil(ids["confirmed"], {"apple": 1}), CancelOrder(ids["cancelled"]))
    await migrate(orders_database, "down")
    async with orders_database.transaction() as tx:
        rows = await tx.fetch("SELECT order_id, status, product_id, quantity FROM orders")
        kinds = await tx.fetch("SELECT DISTINCT type FROM order_events")
    assert {row["order_id"]: tuple(row)[1:] for row in rows} == {
        ids["pending"]: ("pending", "apple", 3),
        ids["confirmed"]: ("confirmed", "apple", 3),
        ids["backordered"]: ("confirmed", "apple", 3),
        ids["cancelled"]: ("rejected", "apple", 3),
    }
    assert {row["type"] for row in kinds} == {"orders.order-created.v1", "orders.order-confirmed.v1"}
    await migrate(orders_database, "up")
    assert await counters(orders_database, ids["confirmed"]) == [{"reserved": 3}]
