"""Orders that name a hold and orders that name none, in one batch."""

from uuid import UUID

from msgspec.structs import replace

from onhand.common.contracts import HoldStock, Line
from onhand.common.database import Database
from warehouse import Warehouse, counted, order

HOLD = UUID(int=1)


async def test_a_level_that_comes_back_to_what_it_was_within_a_batch_is_stored(inventory_database: Database) -> None:
    warehouse = Warehouse(inventory_database)
    lines = (Line("apple", 3), Line("pear", 1))
    await warehouse.tell(counted(10), counted(10, "pear"))
    await warehouse.tell(HoldStock(reservation_id=HOLD, lines=lines, ttl_seconds=60))
    # One order takes as many apples as the other gives back, because it needs only one of the three.
    await warehouse.tell(order(2), replace(order(1), reservation_id=HOLD))
    assert await warehouse.levels() == {("apple", "main"): (10, 3), ("pear", "main"): (10, 0)}
