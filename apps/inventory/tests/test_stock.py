"""How stock is told."""

import pytest

from onhand.common.contracts import (
    CheckStock,
    DefineLocation,
    DefineProduct,
    LocationLevel,
    RequestRefused,
    StockLevel,
)
from onhand.common.database import Database
from warehouse import Warehouse, came, expected, order, replies


@pytest.fixture
def warehouse(inventory_database: Database) -> Warehouse:
    return Warehouse(inventory_database)


async def test_stock_is_told_over_all_locations_and_at_each(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north", priority=50))
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=2))
    await warehouse.tell(came(10), came(1, at="north"), expected(5, at="north"), order(3))
    assert await warehouse.reply(CheckStock(product_id="apple")) == StockLevel(
        product_id="apple",
        on_hand=11,
        reserved=3,
        available=8,
        incoming=5,
        safety_stock=2,
        available_to_promise=5,
        locations=(
            LocationLevel("north", 1, 0, 1, incoming=5, safety_stock=2),
            LocationLevel("main", 10, 3, 7, incoming=0, safety_stock=2),
        ),
    )


@pytest.mark.parametrize(("quantity", "in_stock"), [(2, True), (3, False)])
async def test_whether_a_quantity_can_be_promised_is_told(warehouse: Warehouse, quantity: int, in_stock: bool) -> None:
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=1), came(6), order(3))
    assert (await warehouse.stock(quantity=quantity)).in_stock is in_stock


async def test_one_batch_may_ask_for_several_products(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5), came(2, "pear"))
    answers = replies(
        await warehouse.tell(*(CheckStock(product_id=name) for name in ("pear", "unicorn", "apple", "pear")))
    )
    told = [answer.on_hand if isinstance(answer, StockLevel) else None for answer in answers]
    assert told == [2, None, 5, 2]


async def test_a_product_nobody_knows_has_no_stock(warehouse: Warehouse) -> None:
    reply = await warehouse.reply(CheckStock(product_id="unicorn"))
    assert isinstance(reply, RequestRefused)
    assert reply.code == "product-not-found"
