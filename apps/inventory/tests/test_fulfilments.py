"""What is sent off leaves the stock once, and what comes back goes where it left from."""

import asyncio
from uuid import uuid4

import pytest
from msgspec.structs import replace

from onhand.common.contracts import (
    DefineLocation,
    OrderFulfilled,
    OrderReturned,
    StockDepleted,
    StockReserved,
    StockReturned,
    StockShipped,
)
from onhand.common.contracts.message import LARGEST_INTEGER
from onhand.common.database import Database
from onhand.common.messaging.envelope import Received, wrap
from onhand.common.testing import received
from onhand.inventory.domain.fulfilments import NOT_RESTOCKED, NotReserved
from warehouse import Warehouse, came, came_back, cancelled, counted, order, order_of, sent, tell, waits_for_a_lock

APPLES, NORTHERN_APPLES, PEARS = ("apple", "main"), ("apple", "north"), ("pear", "main")
SALES = "SELECT location_id, quantity, on_hand FROM movements WHERE type = 'sale' ORDER BY seq"
RETURNS = "SELECT location_id, quantity, on_hand, reason FROM movements WHERE type = 'return' ORDER BY seq"


@pytest.fixture
async def warehouse(inventory_database: Database) -> Warehouse:
    """With five apples here and four in the north, which serves first, and three pears."""
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(DefineLocation(location_id="north", priority=50))
    await warehouse.tell(counted(5), counted(4, at="north"), counted(3, "pear"))
    return warehouse


def shipped(event: OrderFulfilled) -> StockShipped:
    return StockShipped(event.order_id, event.fulfilment_id)


def returned(event: OrderReturned) -> StockReturned:
    return StockReturned(event.order_id, event.return_id)


async def test_what_is_sent_off_leaves_the_stock_and_what_is_reserved_with_it(warehouse: Warehouse) -> None:
    wanted = order_of(apple=3, pear=2)
    await warehouse.tell(wanted)
    parcel = sent(wanted)
    assert await warehouse.hear(StockShipped, parcel) == [shipped(parcel)]
    assert await warehouse.levels() == {APPLES: (2, 0), NORTHERN_APPLES: (4, 0), PEARS: (1, 0)}
    await warehouse.check()


async def test_what_is_sent_off_in_parts_leaves_from_where_it_was_got_first(warehouse: Warehouse) -> None:
    wanted = order_of(apple=8)
    await warehouse.tell(wanted)
    await warehouse.tell(sent(wanted, apple=3))
    await warehouse.tell(sent(wanted, apple=3), sent(wanted, apple=2))
    assert await warehouse.rows(SALES) == [("north", -3, 1), ("north", -1, 0), ("main", -2, 3), ("main", -2, 1)]
    assert await warehouse.levels() == {APPLES: (1, 0), NORTHERN_APPLES: (0, 0), PEARS: (3, 0)}
    await warehouse.check()


async def test_a_fulfilment_that_comes_again_sends_nothing_more_and_is_answered(warehouse: Warehouse) -> None:
    wanted = order_of(apple=3)
    await warehouse.tell(wanted)
    parcel = sent(wanted, apple=1)
    assert await warehouse.hear(StockShipped, parcel, parcel) == [shipped(parcel)]
    assert await warehouse.hear(StockShipped, parcel, sent(wanted, apple=1)) != []
    assert await warehouse.hear(StockShipped, parcel) == [shipped(parcel)]
    assert await warehouse.rows(SALES) == [("north", -1, 3), ("north", -1, 2)]
    await warehouse.check()


async def test_two_replicas_that_send_off_one_parcel_at_once_send_it_once(warehouse: Warehouse) -> None:
    wanted = order_of(apple=3, pear=3)
    await warehouse.tell(wanted)
    parcel = sent(wanted)
    told = await asyncio.gather(*(warehouse.hear(StockShipped, parcel) for _ in range(6)))
    assert told == [[shipped(parcel)]] * 6
    assert await warehouse.levels() == {APPLES: (2, 0), NORTHERN_APPLES: (4, 0), PEARS: (0, 0)}
    await warehouse.check()


@pytest.mark.parametrize("units", [4, LARGEST_INTEGER])
async def test_nothing_is_sent_off_that_is_not_reserved_for_the_order(warehouse: Warehouse, units: int) -> None:
    wanted, other = order(3), order(3)
    await warehouse.tell(wanted, other)
    levels = await warehouse.levels()
    with pytest.raises(NotReserved, match="apple"):
        await warehouse.tell(sent(wanted, apple=units))
    await warehouse.tell(cancelled(other))
    with pytest.raises(NotReserved):
        await warehouse.tell(sent(other))
    assert await warehouse.levels() == levels | {NORTHERN_APPLES: (4, 3), APPLES: (5, 0)}
    assert await warehouse.rows(SALES) == []


async def test_an_order_is_sent_what_it_waited_for_and_nothing_runs_low_by_it(warehouse: Warehouse) -> None:
    wanted = order_of("backorder", apple=11)
    await warehouse.tell(wanted)
    await warehouse.tell(came(2))
    assert await warehouse.hear(StockDepleted, sent(wanted)) == []
    assert await warehouse.levels() == {APPLES: (0, 0), NORTHERN_APPLES: (0, 0), PEARS: (3, 0)}
    await warehouse.check()


async def test_the_ledger_tells_whose_sale_it_was_and_who_wanted_it(warehouse: Warehouse) -> None:
    wanted = order(1)
    await warehouse.tell(wanted)
    parcel = replace(sent(wanted), reference="parcel 7")
    await warehouse.tell(Received(parcel, wrap(parcel, source="/test", actor="bob")))
    (sale, *_) = (await warehouse.explain()).movements
    assert (sale.movement_id, sale.type, sale.order_id) == (parcel.fulfilment_id, "sale", wanted.order_id)
    assert (sale.reference, sale.actor, sale.quantity) == ("parcel 7", "bob", -1)


async def test_units_go_back_to_where_they_left_from_the_latest_first(warehouse: Warehouse) -> None:
    wanted = order(8)
    await warehouse.tell(wanted)
    await warehouse.tell(sent(wanted))
    back = [came_back(wanted, apple=3), came_back(wanted, apple=2), came_back(wanted, apple=3)]
    assert await warehouse.hear(StockReturned, back[0]) == [returned(back[0])]
    assert await warehouse.hear(StockReturned, *back[1:]) == [returned(back[1]), returned(back[2])]
    assert await warehouse.rows(RETURNS) == [
        ("main", 3, 4, None),
        ("main", 1, 5, None),
        ("north", 1, 1, None),
        ("north", 3, 4, None),
    ]
    assert await warehouse.levels() == {APPLES: (5, 0), NORTHERN_APPLES: (4, 0), PEARS: (3, 0)}
    await warehouse.check()


async def test_a_return_that_comes_again_puts_nothing_more_back_and_is_answered(warehouse: Warehouse) -> None:
    wanted = order(3)
    await warehouse.tell(wanted)
    await warehouse.tell(sent(wanted))
    back = came_back(wanted, apple=1)
    assert await warehouse.hear(StockReturned, back, back) == [returned(back)]
    assert await warehouse.hear(StockReturned, back) == [returned(back)]
    assert (await warehouse.levels())[NORTHERN_APPLES] == (2, 0)
    told = await asyncio.gather(*(warehouse.hear(StockReturned, came_back(wanted, apple=1), back) for _ in range(2)))
    assert all(len(each) == 2 for each in told)
    assert (await warehouse.levels())[NORTHERN_APPLES] == (4, 0)
    await warehouse.check()


async def test_what_cannot_be_sold_again_is_in_the_ledger_and_not_in_the_stock(warehouse: Warehouse) -> None:
    wanted = order(4)
    await warehouse.tell(wanted)
    await warehouse.tell(sent(wanted))
    broken, torn = came_back(wanted, restock=False, apple=1), came_back(wanted, restock=False, apple=2)
    told = await warehouse.hear(StockReturned, broken, replace(torn, reason="torn"), broken)
    assert told == [returned(broken), returned(torn)]
    assert await warehouse.rows(RETURNS) == [("north", 0, 0, NOT_RESTOCKED), ("north", 0, 0, "torn")]
    assert (await warehouse.levels())[NORTHERN_APPLES] == (0, 0)
    await warehouse.check()


async def test_a_return_that_comes_before_its_units_have_left_is_not_answered_and_so_told_again(
    warehouse: Warehouse,
) -> None:
    wanted = order_of(apple=2, pear=1)
    await warehouse.tell(wanted)
    back = received(came_back(wanted))
    assert await warehouse.hear(StockReturned, back) == []
    await warehouse.tell(sent(wanted, apple=2))
    assert await warehouse.hear(StockReturned, back) == []
    await warehouse.tell(sent(wanted, pear=1))
    assert await warehouse.hear(StockReturned, back) == [returned(back.message)]
    assert await warehouse.levels() == {APPLES: (5, 0), NORTHERN_APPLES: (4, 0), PEARS: (3, 0)}
    await warehouse.check()


async def test_what_comes_back_goes_to_those_that_wait_for_it(warehouse: Warehouse) -> None:
    wanted, waiting = order(9), order(2, policy="backorder")
    await warehouse.tell(wanted, waiting)
    await warehouse.tell(sent(wanted))
    assert await warehouse.hear(StockReserved, came_back(wanted, restock=False, apple=3)) == []
    (filled,) = await warehouse.hear(StockReserved, came_back(wanted, apple=3))
    assert filled.order_id == waiting.order_id
    assert await warehouse.hear(StockReserved, order(2)) == []
    assert len(await warehouse.hear(StockReserved, order(1))) == 1
    await warehouse.check()


async def test_a_parcel_and_a_count_at_two_replicas_at_once_are_both_in_the_stock(warehouse: Warehouse) -> None:
    wanted = order_of(apple=3, pear=1)
    await warehouse.tell(wanted)
    async with warehouse.database.transaction() as tx:
        await tell(tx, sent(wanted))
        late = asyncio.create_task(warehouse.tell(counted(9), came(1, "pear")))
        await waits_for_a_lock(warehouse)
    await late
    assert (await warehouse.levels())[APPLES] == (9, 0)
    assert (await warehouse.levels())[PEARS] == (3, 0)
    await warehouse.check()


async def test_nobody_sends_off_an_order_that_was_never_heard_of(warehouse: Warehouse) -> None:
    with pytest.raises(NotReserved):
        await warehouse.tell(replace(sent(order(1)), order_id=uuid4()))
