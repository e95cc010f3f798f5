"""What was stored before a migration is what it was after it, and the other way round."""

import asyncpg
import pytest

from onhand.cli.packages import package_directory
from onhand.common.contracts.message import LARGEST_INTEGER
from onhand.common.database import Database
from warehouse import Warehouse, came, came_back, counted, order, sent

WIDE = "20261128000201_wide_counters"


@pytest.fixture
def warehouse(inventory_database: Database) -> Warehouse:
    return Warehouse(inventory_database)


async def migrate(warehouse: Warehouse, name: str, direction: str) -> None:
    file = package_directory("onhand.inventory") / "migrations" / f"{name}.sql"
    _, up, down = file.read_text().replace("-- migrate:down", "-- migrate:up").split("-- migrate:up")
    async with warehouse.database.transaction() as tx:
        await tx.execute(up if direction == "up" else down)


async def test_counters_are_narrow_again_unless_that_would_cut_one_off(warehouse: Warehouse) -> None:
    await warehouse.tell(counted(LARGEST_INTEGER), sold := order(1))
    for direction in ("down", "up"):
        await migrate(warehouse, WIDE, direction)
    await warehouse.tell(sent(sold))
    await warehouse.tell(came(1))
    await warehouse.tell(came_back(sold))
    with pytest.raises(asyncpg.NumericValueOutOfRangeError):
        await migrate(warehouse, WIDE, "down")
    assert await warehouse.levels() == {("apple", "main"): (LARGEST_INTEGER + 1, 0)}
    await warehouse.check()
