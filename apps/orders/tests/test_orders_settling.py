from datetime import UTC, datetime
from uuid import uuid4

import pytest
from msgspec import UNSET

from apps.orders.tests.desk import (
    Told,
    backordered,
    confirmed,
    counters,
    deliver,
    fulfil,
    get,
    granting,
    log,
    placed,
    rejecting,
)
from onhand.common.contracts import (
    AllocationNoted,
    BackorderPromised,
    CancelOrder,
    LineOutcome,
    LinePromise,
    LineShortage,
    OrderBackordered,
    OrderConfirmed,
    OrderRejected,
    StockReserved,
)
from onhand.common.database import Database
from onhand.common.messaging.envelope import Publish
from onhand.common.testing import received
from onhand.orders.handlers.settling import settle_orders

BASKET = {"apple": 3, "pear": 2}
MAY, JUNE = datetime(2027, 5, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)


async def test_reserved_stock_confirms_an_order(orders_database: Database) -> None:
    order_id = await placed(orders_database, BASKET)
    answer = received(StockReserved(order_id))
    async with orders_database.transaction() as tx:
        published = await settle_orders([answer], tx)
    assert published == [Publish(OrderConfirmed(order_id), cause=answer)]
    assert (await get(orders_database, order_id)).status == "confirmed"
    assert await counters(orders_database, order_id) == [{"reserved": 3}, {"reserved": 2}]
    assert await log(orders_database, order_id) == ["order-created", "order-confirmed"]


async def test_rejected_stock_rejects_an_order_and_tells_what_each_line_lacked(orders_database: Database) -> None:
    order_id = await placed(orders_database, BASKET)
    told = await deliver(orders_database, rejecting(order_id, BASKET))
    shortages = (LineShortage("apple", 3, 1), LineShortage("pear", 2, 1))
    assert told.events == [OrderRejected(order_id, "insufficient-stock", shortages)]
    stored = await get(orders_database, order_id)
    assert (stored.status, stored.reason) == ("rejected", "insufficient-stock")
    assert [(line.cancelled, line.available) for line in stored.lines] == [(3, 1), (2, 1)]


async def test_an_order_that_is_settled_is_not_settled_again(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    told = await deliver(
        orders_database,
        rejecting(order_id, BASKET),
        StockReserved(order_id),
        granting(order_id, BASKET, {"apple": 1}),
    )
    assert told.events == []
    assert (await get(orders_database, order_id)).status == "confirmed"
    assert len(await log(orders_database, order_id)) == 2


async def test_of_two_answers_in_one_batch_the_first_counts(orders_database: Database) -> None:
    ids = [await placed(orders_database, BASKET) for _ in range(2)]
    async with orders_database.transaction() as tx:
        first, second = StockReserved(ids[0]), rejecting(ids[0], BASKET)
        third, fourth = rejecting(ids[1], BASKET), StockReserved(ids[1])
        await settle_orders([received(answer) for answer in (first, second, third, fourth)], tx)
    assert [(await get(orders_database, order_id)).status for order_id in ids] == ["confirmed", "rejected"]


async def test_an_answer_about_an_order_nobody_knows_changes_nothing(orders_database: Database) -> None:
    told = await deliver(
        orders_database,
        StockReserved(uuid4()),
        rejecting(uuid4(), BASKET),
        granting(uuid4(), BASKET, {}),
    )
    assert told == Told([], [])


async def test_what_ship_available_does_not_get_is_cancelled(orders_database: Database) -> None:
    order_id = await placed(orders_database, BASKET, policy="ship-available")
    told = await deliver(orders_database, granting(order_id, BASKET, {"apple": 2}, waits=False))
    assert told.events == [
        OrderConfirmed(order_id, lines=(LineOutcome("apple", 2, 0, 1), LineOutcome("pear", 0, 0, 2)))
    ]
    assert await counters(orders_database, order_id) == [{"reserved": 2, "cancelled": 1}, {"cancelled": 2}]


async def test_what_a_backorder_does_not_get_is_waited_for_until_all_of_it_has_come(orders_database: Database) -> None:
    order_id = await placed(orders_database, BASKET, policy="backorder")
    told = await deliver(orders_database, granting(order_id, BASKET, {"apple": 1}))
    some = (LineOutcome("apple", 1, 2, 0), LineOutcome("pear", 0, 2, 0))
    assert told.events == [OrderBackordered(order_id, some)]
    told = await deliver(orders_database, granting(order_id, BASKET, {"apple": 2, "pear": 2}, 4))
    more = (LineOutcome("apple", 2, 1, 0), LineOutcome("pear", 2, 0, 0))
    assert told.events == [OrderBackordered(order_id, more, revision=4), AllocationNoted(order_id, 4)]
    told = await deliver(orders_database, granting(order_id, BASKET, BASKET, 7))
    everything = (LineOutcome("apple", 3, 0, 0), LineOutcome("pear", 2, 0, 0))
    assert told.events == [OrderConfirmed(order_id, everything), AllocationNoted(order_id, 7)]
    assert (await get(orders_database, order_id)).status == "confirmed"
    assert await counters(orders_database, order_id) == [{"reserved": 3}, {"reserved": 2}]
    assert await log(orders_database, order_id) == [
        "order-created",
        "order-backordered",
        "order-backordered",
        "order-confirmed",
    ]


async def test_units_that_come_in_are_told_of_once_however_often_they_are_told_to_us(orders_database: Database) -> None:
    order_id = await backordered(orders_database, BASKET, {"apple": 1})
    late, latest = granting(order_id, BASKET, {"apple": 2}, 2), granting(order_id, BASKET, {"apple": 3}, 3)
    told = await deliver(orders_database, latest, late, latest)
    assert [event for event in told.events if isinstance(event, OrderBackordered)] == [
        OrderBackordered(order_id, (LineOutcome("apple", 3, 0, 0), LineOutcome("pear", 0, 2, 0)), revision=3)
    ]
    told = await deliver(orders_database, late, latest)
    assert told.events == [AllocationNoted(order_id, 2), AllocationNoted(order_id, 3)]
    assert await counters(orders_database, order_id) == [{"reserved": 3}, {"backordered": 2}]


async def test_two_changes_in_one_batch_are_two_entries_of_the_log(orders_database: Database) -> None:
    order_id = await backordered(orders_database, BASKET, {})
    await deliver(orders_database, granting(order_id, BASKET, {"apple": 2}, 2), granting(order_id, BASKET, BASKET, 3))
    assert await log(orders_database, order_id) == [
        "order-created",
        "order-backordered",
        "order-backordered",
        "order-confirmed",
    ]


async def test_units_that_come_before_the_first_answer_settle_the_order_and_the_answer_says_nothing_new(
    orders_database: Database,
) -> None:
    order_id = await placed(orders_database, BASKET, policy="backorder")
    told = await deliver(orders_database, granting(order_id, BASKET, {"apple": 3}, 2))
    assert [type(event) for event in told.events] == [OrderBackordered, AllocationNoted]
    assert (await deliver(orders_database, granting(order_id, BASKET, {"apple": 1}))).events == []
    assert await counters(orders_database, order_id) == [{"reserved": 3}, {"backordered": 2}]


async def test_units_for_an_order_that_is_cancelled_are_noted_and_change_nothing(orders_database: Database) -> None:
    order_id = await backordered(orders_database, BASKET, {"apple": 1})
    await deliver(orders_database, CancelOrder(order_id))
    told = await deliver(
        orders_database,
        granting(order_id, BASKET, BASKET, 3),
        BackorderPromised(order_id, (LinePromise("pear", MAY),), 2),
    )
    assert told.events == [AllocationNoted(order_id, 3), AllocationNoted(order_id, 2)]
    assert await counters(orders_database, order_id) == [{"cancelled": 3}, {"cancelled": 2}]


async def test_what_is_waited_for_has_a_date_until_it_comes(orders_database: Database) -> None:
    order_id = await backordered(orders_database, BASKET, {"apple": 1})
    promised = BackorderPromised(order_id, (LinePromise("apple", MAY), LinePromise("pear", JUNE)), 1)
    assert (await deliver(orders_database, promised)).events == [AllocationNoted(order_id, 1)]
    assert [line.promised_at for line in (await get(orders_database, order_id)).lines] == [MAY, JUNE]
    await deliver(orders_database, granting(order_id, BASKET, {"apple": 3, "pear": 1}, 2))
    assert [line.promised_at for line in (await get(orders_database, order_id)).lines] == [UNSET, JUNE]
    await deliver(orders_database, BackorderPromised(order_id, (LinePromise("pear"),), 3))
    assert [line.promised_at for line in (await get(orders_database, order_id)).lines] == [UNSET, UNSET]
    assert (await log(orders_database, order_id))[2:] == [
        "backorder-promised",
        "order-backordered",
        "backorder-promised",
    ]


async def test_a_date_that_comes_late_or_again_changes_nothing_and_is_noted(orders_database: Database) -> None:
    order_id = await backordered(orders_database, BASKET, {"apple": 3})
    old, new = (BackorderPromised(order_id, (LinePromise("pear", at),), no) for at, no in ((JUNE, 1), (MAY, 2)))
    await deliver(orders_database, new)
    told = await deliver(orders_database, old, new)
    assert told.events == [AllocationNoted(order_id, 1), AllocationNoted(order_id, 2)]
    assert (await get(orders_database, order_id)).lines[1].promised_at == MAY
    assert await log(orders_database, order_id) == ["order-created", "order-backordered", "backorder-promised"]


async def test_a_date_does_not_hide_units_that_were_given_before_and_come_after_it(orders_database: Database) -> None:
    order_id = await backordered(orders_database, BASKET, {})
    await deliver(
        orders_database, BackorderPromised(order_id, (LinePromise("apple", MAY), LinePromise("pear", MAY)), 5)
    )
    await deliver(orders_database, granting(order_id, BASKET, {"apple": 3}, 4))
    assert await counters(orders_database, order_id) == [{"reserved": 3}, {"backordered": 2}]


async def test_a_date_for_a_pending_order_is_left_to_be_told_again(orders_database: Database) -> None:
    order_id = await placed(orders_database, BASKET, policy="backorder")
    promised = BackorderPromised(order_id, (LinePromise("pear", MAY),), 1)
    assert (await deliver(orders_database, promised)).events == []
    told = await deliver(orders_database, promised, granting(order_id, BASKET, {"apple": 3}))
    assert [type(event) for event in told.events] == [OrderBackordered, AllocationNoted]
    assert (await get(orders_database, order_id)).lines[1].promised_at == MAY


async def test_a_date_for_an_order_nobody_knows_is_told_no_more(orders_database: Database) -> None:
    promised = BackorderPromised(uuid4(), (LinePromise("pear", MAY),), 1)
    assert (await deliver(orders_database, promised)).events == [AllocationNoted(promised.order_id, 1)]


@pytest.mark.parametrize(
    "given", [{"apple": 4, "pear": 2}, {"apple": 3}, {"apple": 3, "pear": 2, "plum": 1}, {"apple": 3, "plum": 2}]
)
async def test_an_answer_with_other_units_than_were_ordered_is_not_taken(
    orders_database: Database, given: dict[str, int]
) -> None:
    order_id = await placed(orders_database, BASKET)
    with pytest.raises(ValueError, match=r"given|granted"):
        await deliver(orders_database, granting(order_id, given, given))
    assert (await get(orders_database, order_id)).status == "pending"


async def test_less_than_has_left_cannot_have_been_granted(orders_database: Database) -> None:
    order_id = await backordered(orders_database, BASKET, {"apple": 2})
    await deliver(orders_database, fulfil(order_id))
    with pytest.raises(ValueError, match="have left"):
        await deliver(orders_database, granting(order_id, BASKET, {"apple": 1}, 2))
