"""Those that wait get what comes, first come, first served, and Orders hears of it until it says so."""

import asyncio
from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from uuid import UUID

import pytest

from onhand.common.contracts import (
    AllocationNoted,
    DefineLocation,
    DefineProduct,
    Event,
    LineAllocation,
    OrderCreated,
    ReceiveStock,
    StockRejected,
    StockReserved,
)
from onhand.common.database import Database
from onhand.common.messaging.envelope import Publish
from onhand.common.messaging.unanswered import tell_again
from onhand.common.testing import received
from warehouse import (
    Told,
    Warehouse,
    adjusted,
    came,
    cancelled,
    carried,
    counted,
    events,
    held,
    order,
    order_of,
    set_to,
    tell,
    waits_for_a_lock,
)

WAITS = partial(order, policy="backorder")


@pytest.fixture
async def warehouse(inventory_database: Database) -> Warehouse:
    """With nothing on hand of two products that are known, at two locations."""
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(DefineLocation(location_id="north", priority=200))
    await warehouse.tell(counted(0), counted(0, at="north"), counted(0, "pear"))
    return warehouse


async def has_been_given(warehouse: Warehouse, orders: Sequence[OrderCreated]) -> list[int]:
    rows = await warehouse.rows("SELECT holder_id, sum(granted)::int FROM reservations GROUP BY holder_id")
    units: dict[UUID, int] = dict(rows)
    return [units[each.order_id] for each in orders]


async def told_again(warehouse: Warehouse) -> list[Event]:
    """What the timer tells, in the order of revisions, however short a time ago it was told before."""
    await warehouse.rows("UPDATE unanswered_events SET asked_at = '2000-01-01' RETURNING fact")
    async with warehouse.database.transaction() as tx:
        events = [publish.event for publish in await tell_again((StockReserved,), 3.0, tx)]
    return sorted(events, key=attrgetter("revision"))


async def test_those_that_wait_are_served_first_come_first_served_and_also_in_part(warehouse: Warehouse) -> None:
    first, second, third = WAITS(3), WAITS(4), WAITS(1)
    await warehouse.tell(first, second)
    await warehouse.tell(third)
    assert await warehouse.hear(StockReserved, came(5)) == [
        StockReserved(first.order_id, (LineAllocation("apple", 3, 0),), revision=1),
        StockReserved(second.order_id, (LineAllocation("apple", 2, 2),), revision=1),
    ]
    assert await warehouse.hear(StockReserved, came(9)) == [
        StockReserved(second.order_id, (LineAllocation("apple", 4, 0),), revision=2),
        StockReserved(third.order_id, (LineAllocation("apple", 1, 0),), revision=1),
    ]
    assert await warehouse.levels() == {
        ("apple", "main"): (14, 8),
        ("apple", "north"): (0, 0),
        ("pear", "main"): (0, 0),
    }
    await warehouse.check()


async def test_an_order_that_waits_for_several_products_is_told_all_that_it_has_each_time(
    warehouse: Warehouse,
) -> None:
    await warehouse.tell(came(1))
    wanted = order_of("backorder", apple=2, pear=2)
    await warehouse.tell(wanted)
    told = [
        await warehouse.hear(StockReserved, given) for given in (came(1, "pear"), came(1, at="north"), came(7, "pear"))
    ]
    assert [[(each.lines, each.revision) for each in of_one] for of_one in told] == [
        [((LineAllocation("apple", 1, 1), LineAllocation("pear", 1, 1)), 1)],
        [((LineAllocation("apple", 2, 0), LineAllocation("pear", 1, 1)), 2)],
        [((LineAllocation("apple", 2, 0), LineAllocation("pear", 2, 0)), 3)],
    ]
    await warehouse.check()


async def test_nothing_can_be_promised_while_somebody_waits(warehouse: Warehouse) -> None:
    waiting = WAITS(5)
    await warehouse.tell(waiting)
    await warehouse.tell(came(4))
    level = await warehouse.stock()
    assert (level.on_hand, level.available_to_promise) == (4, 0)
    for policy in ("all-or-nothing", "ship-available"):
        assert len(await warehouse.hear(StockRejected, order(1, policy=policy))) == 1
    late = WAITS(1)
    await warehouse.tell(late)
    await warehouse.tell(came(1))
    assert await has_been_given(warehouse, [waiting, late]) == [5, 0]


async def waits_while_somebody_else_has_them(warehouse: Warehouse) -> UUID:
    """Let one order have all three apples, of which one is at the north, and another one wait for two."""
    await warehouse.tell(counted(2), counted(1, at="north"))
    has, waits = order(3), WAITS(2)
    await warehouse.tell(has, waits)
    return waits.order_id


@pytest.mark.parametrize(
    "message",
    [came(1), adjusted(1, at="north"), counted(3), set_to(3)],
    ids=["received", "found", "counted", "set"],
)
async def test_units_that_come_go_to_those_that_wait(warehouse: Warehouse, message: ReceiveStock) -> None:
    waiting = await waits_while_somebody_else_has_them(warehouse)
    filled = await warehouse.hear(StockReserved, message)
    assert [(each.order_id, each.lines) for each in filled] == [(waiting, (LineAllocation("apple", 1, 1),))]
    await warehouse.check()


async def test_units_that_are_no_longer_kept_from_orders_go_to_those_that_wait(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=3))
    await warehouse.tell(counted(3), counted(2, at="north"))
    waiting = WAITS(3)
    await warehouse.tell(waiting)
    (filled,) = await warehouse.hear(StockReserved, DefineProduct(product_id="apple", safety_stock=1))
    assert filled.lines == (LineAllocation("apple", 3, 0),)
    await warehouse.check()


async def test_units_that_are_carried_to_where_they_may_be_sold_go_to_those_that_wait(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=3))
    await warehouse.tell(counted(3), counted(2, at="north"))
    await warehouse.tell(WAITS(3))
    (filled,) = await warehouse.hear(StockReserved, carried(2, "north", "main"))
    assert filled.lines == (LineAllocation("apple", 2, 1),)
    await warehouse.check()


async def test_units_of_an_order_go_to_those_that_wait_in_the_order_of_the_queue_although_they_came_in_one_batch(
    warehouse: Warehouse,
) -> None:
    await warehouse.tell(came(4))
    has = order(4)
    orders = [WAITS(1) for _ in range(10)]
    await warehouse.tell(has, *orders)
    await warehouse.tell(cancelled(has))
    assert await has_been_given(warehouse, orders) == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]


async def test_a_fill_is_told_until_it_is_noted_and_the_note_may_come_twice(warehouse: Warehouse) -> None:
    wanted = WAITS(2)
    await warehouse.tell(wanted)
    (first,) = await warehouse.hear(StockReserved, came(1))
    (second,) = await warehouse.hear(StockReserved, came(1))
    assert await told_again(warehouse) == [first, second]
    assert await told_again(warehouse) == [first, second]
    for _ in range(2):
        await warehouse.tell(AllocationNoted(wanted.order_id, 1))
    assert await told_again(warehouse) == [second]
    await warehouse.tell(AllocationNoted(wanted.order_id, 2))
    assert await told_again(warehouse) == []


async def test_a_decision_is_not_told_again_because_orders_asks_for_it(warehouse: Warehouse) -> None:
    await warehouse.tell(WAITS(2), order(1))
    assert await told_again(warehouse) == []


async def test_an_order_that_comes_again_after_it_was_filled_is_told_what_was_decided_and_changes_nothing(
    warehouse: Warehouse,
) -> None:
    wanted = received(order_of("backorder", apple=3, pear=1))
    await warehouse.tell(came(1))
    (first,) = await warehouse.hear(StockReserved, wanted)
    await warehouse.tell(came(5), came(5, "pear"))
    assert await warehouse.hear(StockReserved, wanted) == [first]
    assert await has_been_given(warehouse, [wanted.message]) == [4]
    await warehouse.check()


async def test_a_delivery_that_comes_again_fills_nothing_more(warehouse: Warehouse) -> None:
    orders = [WAITS(2), WAITS(2)]
    await warehouse.tell(*orders)
    delivery = received(came(2))
    await warehouse.tell(delivery, delivery)
    await warehouse.tell(delivery)
    assert await has_been_given(warehouse, orders) == [2, 0]


async def test_a_fill_tells_which_message_led_to_it(warehouse: Warehouse) -> None:
    await warehouse.tell(WAITS(2))
    delivery = received(came(2))
    effects = await warehouse.tell(delivery)
    causes = [each.cause for each in effects if isinstance(each, Publish) and isinstance(each.event, StockReserved)]
    assert causes == [delivery]


async def test_a_delivery_and_a_new_order_at_two_replicas_at_once_serve_the_one_that_waits_first(
    warehouse: Warehouse,
) -> None:
    waiting, late = WAITS(3), order(1)
    await warehouse.tell(waiting)
    async with warehouse.database.transaction() as tx:
        await tell(tx, came(3))
        order_comes = asyncio.create_task(warehouse.tell(late))
        await waits_for_a_lock(warehouse)
    assert len(events(await order_comes, StockRejected)) == 1
    assert await has_been_given(warehouse, [waiting]) == [3]


async def test_a_delivery_that_comes_while_an_order_is_decided_to_wait_fills_it(warehouse: Warehouse) -> None:
    waiting = WAITS(3)
    async with warehouse.database.transaction() as tx:
        await tell(tx, waiting)
        delivery_comes = asyncio.create_task(warehouse.tell(came(3)))
        await waits_for_a_lock(warehouse)
    (filled,) = events(await delivery_comes, StockReserved)
    assert filled.lines == (LineAllocation("apple", 3, 0),)
    await warehouse.check()


async def test_two_replicas_that_fill_two_lines_of_one_order_at_once_tell_all_of_it_in_the_end(
    warehouse: Warehouse,
) -> None:
    wanted = order_of("backorder", apple=1, pear=1)
    await warehouse.tell(wanted)
    async with warehouse.database.transaction() as tx:
        first = events(await tell(tx, came(1)), StockReserved)
        other = asyncio.create_task(warehouse.hear(StockReserved, came(1, "pear")))
        await waits_for_a_lock(warehouse)
    second = await other
    assert [each.revision for each in (*first, *second)] == [1, 2]
    assert second[0].lines == (LineAllocation("apple", 1, 0), LineAllocation("pear", 1, 0))
    await warehouse.check()


async def test_replicas_that_bring_and_sell_the_same_products_in_opposite_order_serve_everybody(
    warehouse: Warehouse,
) -> None:
    orders = [order_of("backorder", apple=1, pear=1) for _ in range(20)]
    turned = [order_of("backorder", pear=1, apple=1) for _ in range(20)]
    tasks: list[tuple[Told, ...]] = [tuple(orders), tuple(turned)]
    tasks += [
        (came(5, name), came(5, other)) for name, other in (("apple", "pear"), ("pear", "apple")) for _ in range(4)
    ]
    await asyncio.gather(*(warehouse.tell(*messages) for messages in tasks))
    assert sum(await has_been_given(warehouse, [*orders, *turned])) == 80
    assert await warehouse.levels() == {
        ("apple", "main"): (40, 40),
        ("apple", "north"): (0, 0),
        ("pear", "main"): (40, 40),
    }
    await warehouse.check()


async def test_a_hold_never_gets_what_somebody_waits_for(warehouse: Warehouse) -> None:
    waiting = WAITS(2)
    await warehouse.tell(waiting)
    await warehouse.tell(came(1))
    await warehouse.tell(held(apple=1))
    assert await warehouse.rows("SELECT count(*) FROM holds") == [(0,)]
