"""What was stored before a migration is what it was after it, and the other way round."""

import asyncpg
import pytest
from msgspec.structs import replace

from onhand.cli.packages import package_directory
from onhand.common.contracts import GetIncoming, IncomingDetails
from onhand.common.contracts.message import LARGEST_INTEGER
from onhand.common.database import Database
from warehouse import Warehouse, came, came_back, counted, expected, held, order, order_of, sent

WIDE, RECEIVED = "20261128000201_wide_counters", "20261128000202_received_deliveries"
TAKEN_OVER = "20261129000202_holds_taken_over"


@pytest.fixture
def warehouse(inventory_database: Database) -> Warehouse:
    return Warehouse(inventory_database)


async def migrate(warehouse: Warehouse, name: str, direction: str) -> None:
    file = package_directory("onhand.inventory") / "migrations" / f"{name}.sql"
    _, up, down = file.read_text().replace("-- migrate:down", "-- migrate:up").split("-- migrate:up")
    async with warehouse.database.transaction() as tx:
        await tx.execute(up if direction == "up" else down)


async def test_deliveries_of_before_are_received_if_anything_came_of_them(warehouse: Warehouse) -> None:
    coming, received, withdrawn = expected(5), expected(5), expected(5)
    await warehouse.tell(coming, received, withdrawn)
    await warehouse.tell(
        *(replace(came(units), incoming_id=it.incoming_id) for it, units in ((coming, 2), (received, 5)))
    )
    await warehouse.tell(replace(withdrawn, quantity=0))
    for direction in ("down", "up"):
        await migrate(warehouse, RECEIVED, direction)
    states = []
    for it in (coming, received, withdrawn):
        reply = await warehouse.reply(GetIncoming(product_id="apple", incoming_id=it.incoming_id))
        assert isinstance(reply, IncomingDetails)
        states.append(reply.state)
    assert states == ["expected", "received", "withdrawn"]


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


async def test_units_of_holds_that_were_used_before_are_taken_over_by_who_used_them(warehouse: Warehouse) -> None:
    used, active = held(apple=2), held(apple=1)
    await warehouse.tell(counted(9), used, active, user := order_of(hold=used, apple=1))
    taken_over = "SELECT holder_id, taken_by FROM reservations WHERE taken_by IS NOT NULL"
    assert await warehouse.rows(taken_over) == [(used.reservation_id, user.order_id)]
    for direction in ("down", "up"):
        await migrate(warehouse, TAKEN_OVER, direction)
    assert await warehouse.rows(taken_over) == [(used.reservation_id, user.order_id)]
