import json
from typing import Any
from uuid import UUID

import pytest
from msgspec import UNSET
from msgspec.json import encode

from apps.orders.tests.desk import create, deliver, fulfil, granting, placed
from onhand.common.contracts import (
    BackorderPromised,
    CancelOrder,
    GetTimeline,
    LinePromise,
    Message,
    OrderTimeline,
    StockReserved,
)
from onhand.common.database import Database
from onhand.common.messaging.envelope import Received, wrap
from onhand.orders.queries import timelines

BASKET = {"apple": 3}


def from_(service: str, message: Message, actor: str = "") -> Received[Any]:
    return Received(message, wrap(message, source=f"/{service}", actor=actor or UNSET))


async def timeline(database: Database, order_id: UUID) -> OrderTimeline:
    (reply,) = (await deliver(database, GetTimeline(order_id))).replies
    assert isinstance(reply, OrderTimeline)
    return reply


async def test_a_timeline_tells_what_happened_when_why_and_who_wanted_it(orders_database: Database) -> None:
    command = create(BASKET, metadata={"gift": "yes"})
    order_id = command.order_id
    steps = [
        from_("gateway", command, "ann"),
        from_("inventory", StockReserved(order_id)),
        from_("gateway", fulfil(order_id, {"apple": 1}), "bob"),
    ]
    told = [(await deliver(orders_database, step)).events[0] for step in steps]
    events = (await timeline(orders_database, order_id)).events
    assert [(entry.version, entry.source, entry.actor) for entry in events] == [
        (1, "gateway", "ann"),
        (2, "inventory", UNSET),
        (3, "gateway", "bob"),
    ]
    assert [entry.cause for entry in events] == [step.envelope.id for step in steps]
    assert [entry.type for entry in events] == [event.TYPE for event in told]
    assert [type(event).__name__ for event in told] == ["OrderCreated", "OrderConfirmed", "OrderFulfilled"]
    for entry, event in zip(events, told, strict=True):
        assert entry.data == json.loads(encode(event))
    assert [entry.at for entry in events] == sorted(entry.at for entry in events)


async def test_dates_and_units_that_come_in_are_on_the_timeline_and_refusals_are_not(orders_database: Database) -> None:
    order_id = await placed(orders_database, BASKET, policy="backorder")
    await deliver(orders_database, granting(order_id, BASKET, {}))
    await deliver(orders_database, BackorderPromised(order_id, (LinePromise("apple"),), 1))
    await deliver(orders_database, fulfil(order_id))
    await deliver(orders_database, granting(order_id, BASKET, {"apple": 2}, 2), CancelOrder(order_id))
    assert [entry.type for entry in (await timeline(orders_database, order_id)).events] == [
        "orders.order-created.v2",
        "orders.order-backordered.v1",
        "inventory.backorder-promised.v1",
        "orders.order-backordered.v1",
        "orders.order-cancelled.v1",
    ]


async def test_each_order_has_its_own_timeline(orders_database: Database) -> None:
    ids = [await placed(orders_database, BASKET) for _ in range(3)]
    await deliver(orders_database, StockReserved(ids[1]))
    told = await deliver(orders_database, *(GetTimeline(order_id) for order_id in (*ids, ids[1])))
    assert [(reply.order_id, len(reply.events)) for reply in told.replies if isinstance(reply, OrderTimeline)] == [
        (ids[0], 1),
        (ids[1], 2),
        (ids[2], 1),
        (ids[1], 2),
    ]


async def test_of_a_very_long_timeline_the_end_is_told(
    orders_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "MOST_TIMELINE_ENTRIES", 2)
    order_id = await placed(orders_database, BASKET)
    await deliver(orders_database, StockReserved(order_id))
    await deliver(orders_database, *(fulfil(order_id, {"apple": 1}) for _ in range(2)))
    assert [entry.version for entry in (await timeline(orders_database, order_id)).events] == [3, 4]
