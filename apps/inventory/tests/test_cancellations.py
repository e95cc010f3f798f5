"""Cancelled orders give back just what they have, once, whenever the cancellation comes."""

import asyncio

import asyncpg
import pytest

from onhand.common.contracts import (
    DefineLocation,
    LineShortage,
    OrderCancelled,
    OrderCreated,
    StockRejected,
    StockReleased,
    StockReserved,
)
from onhand.common.database import Database
from onhand.common.messaging.envelope import Effect
from onhand.common.testing import received
from warehouse import Warehouse, came, cancelled, counted, events, order, order_for, order_of, tell, waits_for_a_lock

APPLES = ("apple", "main")


@pytest.fixture
async def warehouse(inventory_database: Database) -> Warehouse:
    """With five apples and three pears."""
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(counted(5), counted(3, "pear"))
    return warehouse


async def test_a_cancelled_order_gives_back_what_it_has_wherever_it_has_it(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north", priority=50), counted(2, at="north"))
    before = await warehouse.levels()
    wanted = order_of(apple=6, pear=2)
    await warehouse.tell(wanted)
    assert await warehouse.hear(StockReleased, cancelled(wanted)) == [StockReleased(wanted.order_id)]
    assert await warehouse.levels() == before
    await warehouse.check()


async def test_a_cancellation_that_comes_again_gives_back_nothing_more_and_is_answered(warehouse: Warehouse) -> None:
    wanted, other = order(3), order(2)
    await warehouse.tell(wanted, other)
    message = received(cancelled(wanted))
    assert await warehouse.hear(StockReleased, message, message) == [StockReleased(wanted.order_id)]
    assert await warehouse.hear(StockReleased, message, cancelled(wanted)) == [StockReleased(wanted.order_id)]
    assert (await warehouse.levels())[APPLES] == (5, 2)
    await warehouse.check()


async def test_an_order_that_comes_after_its_cancellation_gets_nothing(warehouse: Warehouse) -> None:
    wanted = order_of(apple=3, unicorn=1)
    assert await warehouse.hear(StockReleased, cancelled(wanted)) == [StockReleased(wanted.order_id)]
    rejected = StockRejected(wanted.order_id, "cancelled", (LineShortage("apple", 3, 5), LineShortage("unicorn", 1, 0)))
    assert await warehouse.hear(StockRejected, wanted) == [rejected]
    assert await warehouse.hear(StockReleased, cancelled(wanted)) == [StockReleased(wanted.order_id)]
    assert (await warehouse.levels())[APPLES] == (5, 0)


async def test_a_cancelled_rejection_stays_what_it_was(warehouse: Warehouse) -> None:
    wanted = order(9)
    first = await warehouse.hear(StockRejected, wanted)
    await warehouse.tell(cancelled(wanted))
    assert await warehouse.hear(StockRejected, wanted) == first
    assert (await warehouse.levels())[APPLES] == (5, 0)


async def test_what_a_cancelled_order_has_goes_to_those_that_wait_for_it(warehouse: Warehouse) -> None:
    first, waiting, late = order(5), order(2, policy="backorder"), order(3)
    await warehouse.tell(first, waiting)
    filled = await warehouse.hear(StockReserved, cancelled(first))
    assert [each.order_id for each in filled] == [waiting.order_id]
    assert [each.order_id for each in await warehouse.hear(StockReserved, late)] == [late.order_id]
    await warehouse.check()


async def test_a_cancelled_order_waits_no_longer(warehouse: Warehouse) -> None:
    waiting, next_one = order(7, policy="backorder"), order(1, policy="backorder")
    await warehouse.tell(waiting, next_one)
    filled = await warehouse.hear(StockReserved, cancelled(waiting))
    assert [each.order_id for each in filled] == [next_one.order_id]
    await warehouse.tell(came(10))
    assert await warehouse.levels() == {APPLES: (15, 1), ("pear", "main"): (3, 0)}
    await warehouse.check()


@pytest.mark.parametrize("first", ["order", "cancellation"])
async def test_an_order_and_its_cancellation_at_two_replicas_at_once_leave_nothing_reserved(
    warehouse: Warehouse, first: str
) -> None:
    wanted = order_of(apple=3, pear=2)
    messages: list[OrderCreated | OrderCancelled] = [wanted, cancelled(wanted)]
    one, other = messages if first == "order" else reversed(messages)
    async with warehouse.database.transaction() as tx:
        effects = await tell(tx, one)
        late = asyncio.create_task(warehouse.tell(other))
        await waits_for_a_lock(warehouse)
    effects = [*effects, *await late]
    assert events(effects, StockReleased) == [StockReleased(wanted.order_id)]
    assert len(events(effects, StockReserved)) == (first == "order")
    assert await warehouse.levels() == {APPLES: (5, 0), ("pear", "main"): (3, 0)}
    await warehouse.check()


async def test_an_order_of_unknown_products_and_its_cancellation_collide_or_agree(warehouse: Warehouse) -> None:
    wanted = order(1, "unicorn")

    async def until_it_is_done(message: OrderCreated | OrderCancelled) -> list[Effect]:
        while True:
            try:
                return await warehouse.tell(message)
            except asyncpg.UniqueViolationError:
                continue  # as the runtime does

    effects = await asyncio.gather(until_it_is_done(wanted), until_it_is_done(cancelled(wanted)))
    (told,) = events([each for of_one in effects for each in of_one], StockRejected)
    assert await warehouse.hear(StockRejected, wanted) == [told]
    assert await warehouse.rows("SELECT count(*) FROM reservations WHERE released_at IS NOT NULL") == [(1,)]


async def test_cancellations_in_opposite_order_do_not_deadlock(warehouse: Warehouse) -> None:
    await warehouse.tell(counted(100), counted(100, "pear"))
    orders = [order_for(units) for units in ({"apple": 1, "pear": 1}, {"pear": 1, "apple": 1}) for _ in range(8)]
    await warehouse.tell(*orders)
    halves = [orders[::2], orders[::-2]]
    await asyncio.gather(*(warehouse.tell(*map(cancelled, half)) for half in halves))
    assert await warehouse.levels() == {APPLES: (100, 0), ("pear", "main"): (100, 0)}
