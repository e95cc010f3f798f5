"""What was stored before a migration can be read after, and the other way round."""

from uuid import UUID, uuid4

from msgspec import UNSET
from msgspec.json import decode

from apps.orders.tests.desk import backordered, confirmed, counters, deliver, fulfil, get, log, placed, rejecting
from onhand.cli.packages import package_directory
from onhand.common.contracts import (
    CancelOrder,
    GetTimeline,
    Line,
    ListOrders,
    OrderCreated,
    OrderPage,
    OrderRejected,
    OrderTimeline,
    StockReserved,
)
from onhand.common.database import Database
from onhand.orders.handlers.asking import ask_again

OLD_EVENTS = {
    "orders.order-created.v1": '{"orderId": "%s", "customerId": "ann", "productId": "apple", "quantity": 3}',
    "orders.order-confirmed.v1": '{"orderId": "%s"}',
    "orders.order-rejected.v1": '{"orderId": "%s", "reason": "insufficient-stock"}',
}


async def migrate(database: Database, direction: str, name: str = "20261125000101_shop.sql") -> None:
    file = package_directory("onhand.orders") / "migrations" / name
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


SETTLED_IN_PLACE = "20261129000101_settled_in_place.sql"


async def stored_and_rolled_back(database: Database) -> dict[str, UUID]:
    """An order of each kind, asked for an hour ago, as the version before would find them."""
    basket = {"apple": 3}
    ids = {
        "pending": await placed(database, basket),
        "confirmed": await confirmed(database, basket),
        "backordered": await backordered(database, basket, {}),
        "cancelled": await placed(database, basket),
        "rejected": await placed(database, basket),
    }
    await deliver(database, CancelOrder(ids["cancelled"]), rejecting(ids["rejected"], basket))
    async with database.transaction() as tx:
        await tx.execute("UPDATE asked_orders SET asked_at = asked_at - interval '1 hour', asks = 5")
    await migrate(database, "down", SETTLED_IN_PLACE)
    return ids


async def test_what_waited_for_inventory_before_orders_were_settled_in_place_still_does(
    orders_database: Database,
) -> None:
    ids = await stored_and_rolled_back(orders_database)
    await migrate(orders_database, "up", SETTLED_IN_PLACE)
    async with orders_database.transaction() as tx:
        (asked,) = await ask_again(60.0, tx)
        assert await ask_again(60.0, tx) == []
    assert isinstance(asked.event, OrderCreated)
    assert asked.event.order_id == ids["pending"]
    for status in ("backordered", "cancelled", "rejected"):
        (page,) = (await deliver(orders_database, ListOrders(status=status))).replies
        assert isinstance(page, OrderPage)
        assert [order.order_id for order in page.orders] == [ids[status]]


async def test_the_way_back_knows_how_often_and_when_inventory_was_asked(orders_database: Database) -> None:
    ids = await stored_and_rolled_back(orders_database)
    async with orders_database.transaction() as tx:
        rows = await tx.fetch(
            "SELECT order_id FROM orders WHERE status = 'pending' AND asks = 5"
            " AND asked_at < statement_timestamp() - interval '1 minute'"
        )
    assert [row["order_id"] for row in rows] == [ids["pending"]]
    await migrate(orders_database, "up", SETTLED_IN_PLACE)
