"""How orders are decided, whatever comes again and whoever comes at the same time."""

import asyncio

import asyncpg
import pytest

from onhand.common.contracts import (
    DefineLocation,
    DefineProduct,
    LineAllocation,
    LineShortage,
    OrderCreated,
    StockRejected,
    StockReserved,
)
from onhand.common.contracts.orders import Policy
from onhand.common.database import Database
from onhand.common.messaging.envelope import Received
from onhand.common.testing import received
from warehouse import Warehouse, came, cancelled, counted, events, order, order_for, order_of, tell, waits_for_a_lock

APPLES = ("apple", "main")


@pytest.fixture
async def warehouse(inventory_database: Database) -> Warehouse:
    """With five apples and three pears."""
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(counted(5), counted(3, "pear"))
    return warehouse


async def answers(warehouse: Warehouse, *orders: OrderCreated) -> list[StockReserved | StockRejected]:
    return await warehouse.hear(StockReserved | StockRejected, *orders)  # type: ignore[arg-type]  # either is a kind


async def answer(warehouse: Warehouse, given: OrderCreated) -> StockReserved | StockRejected:
    (told,) = await answers(warehouse, given)
    return told


async def test_a_reservation_holds_units_and_leaves_on_hand_as_it_is(warehouse: Warehouse) -> None:
    wanted = order(3)
    assert await answer(warehouse, wanted) == StockReserved(wanted.order_id)
    assert (await warehouse.levels())[APPLES] == (5, 3)


async def test_an_order_of_many_lines_gets_all_of_them_or_none_and_learns_of_each_how_much_there_was(
    warehouse: Warehouse,
) -> None:
    whole, short = order_of(apple=4, pear=1), order_of(apple=1, pear=3)
    assert await answers(warehouse, whole, short) == [
        StockReserved(whole.order_id),
        StockRejected(short.order_id, "insufficient-stock", (LineShortage("apple", 1, 1), LineShortage("pear", 3, 2))),
    ]
    assert await warehouse.levels() == {APPLES: (5, 4), ("pear", "main"): (3, 1)}
    await warehouse.check()


async def test_that_a_product_is_unknown_is_told_before_any_other_reason(warehouse: Warehouse) -> None:
    wanted = order_of(apple=9, unicorn=1)
    told = await answer(warehouse, wanted)
    lines = (LineShortage("apple", 9, 5), LineShortage("unicorn", 1, 0))
    assert told == StockRejected(wanted.order_id, "unknown-product", lines)


async def test_what_is_kept_from_orders_is_not_given_to_them(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=2))
    told = await answer(warehouse, order(4))
    assert isinstance(told, StockRejected)
    assert told.lines == (LineShortage("apple", 4, 3),)
    assert isinstance(await answer(warehouse, order(3)), StockReserved)


async def test_one_who_ships_what_is_available_gets_it_and_drops_the_rest(warehouse: Warehouse) -> None:
    wanted = order_of("ship-available", apple=7, pear=1, unicorn=2)
    told = await answer(warehouse, wanted)
    lines = (LineAllocation("apple", 5, 0), LineAllocation("pear", 1, 0), LineAllocation("unicorn", 0, 0))
    assert told == StockReserved(wanted.order_id, lines)
    assert await warehouse.levels() == {APPLES: (5, 5), ("pear", "main"): (3, 1)}
    await warehouse.check()


@pytest.mark.parametrize(
    ("units", "reason"), [({"apple": 1}, "insufficient-stock"), ({"apple": 1, "unicorn": 1}, "unknown-product")]
)
async def test_one_who_ships_what_is_available_is_rejected_if_there_is_nothing(
    warehouse: Warehouse, units: dict[str, int], reason: str
) -> None:
    await warehouse.tell(order(5))
    told = await answer(warehouse, order_for(units, "ship-available"))
    assert isinstance(told, StockRejected)
    assert told.reason == reason


async def test_one_who_waits_gets_what_there_is_and_waits_for_the_rest(warehouse: Warehouse) -> None:
    wanted = order_of("backorder", apple=7, pear=1)
    told = await answer(warehouse, wanted)
    assert told == StockReserved(wanted.order_id, (LineAllocation("apple", 5, 2), LineAllocation("pear", 1, 0)))
    await warehouse.check()


@pytest.mark.parametrize(
    ("units", "reason"),
    [({"apple": 6, "unicorn": 1}, "unknown-product"), ({"apple": 1, "pear": 4}, "not-backorderable")],
)
async def test_one_who_cannot_wait_for_all_that_is_missing_gets_nothing(
    warehouse: Warehouse, units: dict[str, int], reason: str
) -> None:
    await warehouse.tell(DefineProduct(product_id="pear", backorderable=False))
    told = await answer(warehouse, order_for(units, "backorder"))
    assert isinstance(told, StockRejected)
    assert told.reason == reason
    assert await warehouse.levels() == {APPLES: (5, 0), ("pear", "main"): (3, 0)}


async def test_one_who_waits_need_not_wait_for_what_is_not_missing(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineProduct(product_id="pear", backorderable=False))
    wanted = order_of("backorder", pear=3)
    assert await answer(warehouse, wanted) == StockReserved(wanted.order_id)


@pytest.mark.parametrize("policy", ["all-or-nothing", "ship-available", "backorder"])
async def test_a_redelivered_order_changes_nothing_and_gets_the_same_answer(
    warehouse: Warehouse, policy: Policy
) -> None:
    await warehouse.tell(DefineLocation(location_id="north", priority=50), counted(4, at="north"))
    orders = [order_of(policy, apple=6, pear=2), order_of(policy, apple=2, pear=2), order_of(policy, unicorn=1, pear=1)]
    first = await answers(warehouse, *orders)
    await warehouse.tell(came(100), came(100, "pear"))
    levels = await warehouse.levels()
    await warehouse.tell(*reversed(orders), order(1))
    assert await answers(warehouse, *orders) == first
    assert await warehouse.levels() == levels | {APPLES: (105, levels[APPLES][1] + 1)}
    await warehouse.check()


async def test_an_order_twice_in_one_batch_reserves_once(warehouse: Warehouse) -> None:
    wanted = order(3)
    assert await answers(warehouse, wanted, wanted) == [StockReserved(wanted.order_id)]
    assert (await warehouse.levels())[APPLES] == (5, 3)


async def test_an_unknown_product_stays_rejected_even_when_it_becomes_known(warehouse: Warehouse) -> None:
    wanted = order(1, "unicorn")
    first = await answer(warehouse, wanted)
    await warehouse.tell(came(5, "unicorn"))
    assert await answer(warehouse, wanted) == first


async def test_one_unit_and_many_buyers_at_once_sells_one(warehouse: Warehouse) -> None:
    await warehouse.tell(counted(1))
    told = await asyncio.gather(*(answer(warehouse, order()) for _ in range(20)))
    assert sum(isinstance(each, StockReserved) for each in told) == 1
    assert (await warehouse.levels())[APPLES] == (1, 1)


async def test_who_wants_the_last_unit_waits_for_whoever_is_just_getting_it(warehouse: Warehouse) -> None:
    await warehouse.tell(counted(1))
    async with warehouse.database.transaction() as tx:
        await tell(tx, order())
        waiting = asyncio.create_task(answer(warehouse, order()))
        await waits_for_a_lock(warehouse)
    assert isinstance(await waiting, StockRejected)
    assert (await warehouse.levels())[APPLES] == (1, 1)


async def test_levels_are_locked_in_the_order_of_their_products(warehouse: Warehouse) -> None:
    lock = "SELECT FROM stock_levels WHERE product_id = $1 FOR UPDATE NOWAIT"
    async with warehouse.database.transaction() as one, warehouse.database.transaction() as other:
        await one.execute(lock, "apple")
        waiting = asyncio.create_task(answer(warehouse, order_of(pear=1, apple=1)))
        await waits_for_a_lock(warehouse)
        await other.execute(lock, "pear")
    await waiting


async def test_batches_that_want_the_same_products_in_opposite_order_do_not_deadlock(warehouse: Warehouse) -> None:
    names = [f"p{number:02}" for number in range(20)]
    await warehouse.tell(*(counted(1000, name) for name in names))
    batches = [
        [order_for(dict.fromkeys(turned[start : start + 5], 1)) for start in range(0, 20, 5)]
        for turned in [names, names[::-1]] * 4
    ]
    told = await asyncio.gather(*(answers(warehouse, *batch) for batch in batches))
    assert all(isinstance(each, StockReserved) for batch in told for each in batch)
    assert (await warehouse.levels())["p07", "main"] == (1000, 8)
    await warehouse.check()


async def test_two_replicas_deciding_one_order_at_once_reserve_once(warehouse: Warehouse) -> None:
    wanted = order_of(apple=3, pear=1)
    told = await asyncio.gather(*(answer(warehouse, wanted) for _ in range(6)))
    assert told == [StockReserved(wanted.order_id)] * 6
    assert (await warehouse.levels())[APPLES] == (5, 3)
    await warehouse.check()


async def test_two_replicas_rejecting_one_order_at_once_collide_so_that_one_tries_again(warehouse: Warehouse) -> None:
    wanted = order(1, "unicorn")
    outcomes = await asyncio.gather(*(answer(warehouse, wanted) for _ in range(6)), return_exceptions=True)
    stored = [outcome for outcome in outcomes if not isinstance(outcome, asyncpg.UniqueViolationError)]
    assert stored
    again = await answer(warehouse, wanted)
    assert all(outcome == again for outcome in stored)


async def test_a_location_that_came_while_an_order_waited_for_the_lock_serves_it(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north", priority=50))
    async with warehouse.database.transaction() as tx:
        await tell(tx, came(5, at="north"))
        waiting = asyncio.create_task(answer(warehouse, order(8)))
        await waits_for_a_lock(warehouse)
    assert isinstance(await waiting, StockReserved)
    await warehouse.check()


async def test_an_order_that_is_decided_among_new_ones_does_not_make_them_count_twice(warehouse: Warehouse) -> None:
    old, new = order(2), order(3)
    await warehouse.tell(old)
    assert await answers(warehouse, new, old) == [StockReserved(new.order_id), StockReserved(old.order_id)]
    assert (await warehouse.levels())[APPLES] == (5, 5)


async def test_the_table_itself_refuses_to_reserve_more_than_is_on_hand(warehouse: Warehouse) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await warehouse.rows("UPDATE stock_levels SET reserved = 6 WHERE product_id = 'apple'")


class Counting:
    """A transaction that counts its statements."""

    def __init__(self, tx: object) -> None:
        self._tx = tx
        self.statements = 0

    def __getattr__(self, name: str) -> object:
        self.statements += 1
        return getattr(self._tx, name)


async def test_a_batch_of_orders_costs_two_statements_whatever_is_in_it(warehouse: Warehouse) -> None:
    await warehouse.tell(counted(1000), counted(1000, "pear"))
    async with warehouse.database.transaction() as tx:
        counting = Counting(tx)
        batch = [received(order_of(apple=2, pear=1)) for _ in range(20)] + [received(order(5000)), received(order(1))]
        told: list[Received[OrderCreated]] = batch
        assert len(events(await tell(counting, *told), StockReserved)) == 21
    assert counting.statements == 2


async def test_one_row_is_stored_for_an_order_of_one_line(warehouse: Warehouse) -> None:
    await warehouse.tell(order(1), order(9), order(1, "unicorn"))
    assert await warehouse.rows("SELECT count(*) FROM reservations") == [(3,)]


async def test_a_cancelled_order_that_comes_again_still_gets_the_answer_that_it_got(warehouse: Warehouse) -> None:
    wanted = order(3)
    first = await answer(warehouse, wanted)
    await warehouse.tell(cancelled(wanted))
    assert await answer(warehouse, wanted) == first
    assert (await warehouse.levels())[APPLES] == (5, 0)


async def test_nothing_that_can_be_promised_runs_over(warehouse: Warehouse) -> None:
    await warehouse.tell(counted(2**31 - 1))
    most = order(2**31 - 1)
    assert await answer(warehouse, most) == StockReserved(most.order_id)
    waiting = order(2**31 - 1, policy="backorder")
    assert await answer(warehouse, waiting) == StockReserved(waiting.order_id, (LineAllocation("apple", 0, 2**31 - 1),))
    await warehouse.tell(cancelled(most))
    assert (await warehouse.levels())[APPLES] == (2**31 - 1, 2**31 - 1)
    await warehouse.check()
