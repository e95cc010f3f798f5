"""What products and locations are said to be, and what follows from it."""

import asyncio

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from onhand.common.contracts import (
    DefineLocation,
    DefineProduct,
    GetProduct,
    ListLocations,
    ListProducts,
    LocationDetails,
    LocationEntry,
    LocationList,
    ProductDetails,
    ProductPage,
    RequestRefused,
    StockReserved,
)
from onhand.common.contracts.catalogue import MOST_LOCATIONS
from onhand.common.database import Database
from onhand.common.messaging.envelope import Received, wrap
from onhand.common.testing import received
from onhand.inventory.queries import catalogue
from onhand.inventory.store.levels import lock_stock
from warehouse import Warehouse, came, events, order, replies, tell, waits_for_a_lock


@pytest.fixture
def warehouse(inventory_database: Database) -> Warehouse:
    return Warehouse(inventory_database)


async def test_a_product_is_what_it_was_last_said_to_be(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineProduct(product_id="apple", name="Apple", low_stock_threshold=0, safety_stock=2))
    assert await warehouse.reply(GetProduct(product_id="apple")) == ProductDetails(
        product_id="apple", name="Apple", low_stock_threshold=0, safety_stock=2
    )
    reply = await warehouse.reply(DefineProduct(product_id="apple", backorderable=False))
    assert reply == ProductDetails(product_id="apple", backorderable=False)
    assert await warehouse.reply(GetProduct(product_id="apple")) == reply


async def test_of_several_definitions_in_a_batch_the_last_counts(warehouse: Warehouse) -> None:
    commands = [DefineProduct(product_id="apple", safety_stock=units) for units in (3, 1, 2)]
    answers = replies(await warehouse.tell(*commands))
    assert answers == [ProductDetails(product_id="apple", safety_stock=units) for units in (3, 1, 2)]
    assert await warehouse.reply(GetProduct(product_id="apple")) == answers[-1]


async def test_a_defined_product_has_stock_even_if_none_ever_came(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineProduct(product_id="apple"))
    level = await warehouse.stock()
    assert (level.on_hand, level.reserved, level.available, level.available_to_promise) == (0, 0, 0, 0)
    async with warehouse.database.transaction() as tx:
        assert (await lock_stock(tx, ["apple"])).products.keys() == {"apple"}


async def test_a_product_that_came_before_it_was_defined_is_known(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5))
    assert await warehouse.reply(GetProduct(product_id="apple")) == ProductDetails(product_id="apple")
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=2))
    assert (await warehouse.stock()).available_to_promise == 3


async def test_a_product_nobody_knows_is_refused(warehouse: Warehouse) -> None:
    reply = await warehouse.reply(GetProduct(product_id="unicorn"))
    assert isinstance(reply, RequestRefused)
    assert reply.code == "product-not-found"


async def test_a_late_copy_of_a_definition_does_not_undo_what_was_said_since(warehouse: Warehouse) -> None:
    old = received(DefineProduct(product_id="apple", safety_stock=1))
    new = DefineProduct(product_id="apple", safety_stock=2)
    expected = ProductDetails(product_id="apple", safety_stock=2)
    assert replies(await warehouse.tell(old, new, old))[-1] == expected
    assert await warehouse.reply(old) == expected
    assert (await warehouse.stock()).safety_stock == 2


async def test_who_defined_what_is_kept(warehouse: Warehouse) -> None:
    command = DefineProduct(product_id="apple", safety_stock=1)
    await warehouse.tell(Received(command, wrap(command, source="/test", actor="ann")))
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=2))
    assert await warehouse.rows("SELECT safety_stock, actor FROM definitions ORDER BY edition") == [
        (1, "ann"),
        (2, None),
    ]


async def test_safety_stock_is_kept_from_orders_at_each_location(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north"), DefineProduct(product_id="apple", safety_stock=2))
    await warehouse.tell(came(3), came(1, at="north"))
    level = await warehouse.stock()
    assert (level.available, level.available_to_promise) == (4, 1)


async def test_less_safety_stock_fills_backorders_with_what_is_not_kept_any_more(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=3), came(5))
    waiting = order(4, policy="backorder")
    await warehouse.tell(waiting)
    effects = await warehouse.tell(DefineProduct(product_id="apple", safety_stock=2))
    (told,) = events(effects, StockReserved)
    assert told.order_id == waiting.order_id
    assert await warehouse.levels() == {("apple", "main"): (5, 3)}
    assert (await warehouse.stock()).available_to_promise == 0


async def test_who_waits_for_a_lock_learns_what_was_defined_meanwhile(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5))
    async with warehouse.database.transaction() as first:
        await tell(first, DefineProduct(product_id="apple", safety_stock=5))
        second = asyncio.create_task(warehouse.tell(order(1)))
        await waits_for_a_lock(warehouse)
    assert events(await second, StockReserved) == []


async def test_who_waits_for_a_lock_learns_of_a_level_that_was_added_meanwhile(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north"), came(1))
    async with warehouse.database.transaction() as first:
        await tell(first, came(5, at="north"))
        second = asyncio.create_task(warehouse.tell(order(5)))
        await waits_for_a_lock(warehouse)
    assert len(events(await second, StockReserved)) == 1


async def test_a_new_product_defined_and_received_at_once_is_both(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north"))
    async with warehouse.database.transaction() as first:
        await tell(first, DefineProduct(product_id="apple", safety_stock=2))
        second = asyncio.create_task(warehouse.tell(came(5, at="north")))
        await waits_for_a_lock(warehouse)
    await second
    level = await warehouse.stock()
    assert (level.on_hand, level.available_to_promise) == (5, 3)


async def pages(warehouse: Warehouse, asked: ListProducts) -> list[list[str]]:
    """The products on all pages, one after the other."""
    found = []
    while True:
        page = await warehouse.reply(asked)
        assert isinstance(page, ProductPage)
        found.append([product.product_id for product in page.products])
        if page.next is UNSET:
            return found
        asked = replace(asked, after=page.next)


async def test_products_are_listed_by_their_ids_page_by_page(warehouse: Warehouse) -> None:
    assert await pages(warehouse, ListProducts()) == [[]]
    await warehouse.tell(came(5, "pear"), *(DefineProduct(product_id=name) for name in ("fig", "Date", "ä", "apple")))
    assert await pages(warehouse, ListProducts(limit=2)) == [["Date", "apple"], ["fig", "pear"], ["ä"]]
    assert await pages(warehouse, ListProducts(limit=5)) == [["Date", "apple", "fig", "pear", "ä"]]


async def test_a_product_is_listed_as_it_is_told_alone(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5), DefineProduct(product_id="fig", name="Fig", low_stock_threshold=3, safety_stock=2))
    page = await warehouse.reply(ListProducts())
    assert isinstance(page, ProductPage)
    assert len(page.products) == 2
    for product in page.products:
        assert product == await warehouse.reply(GetProduct(product_id=product.product_id))


@pytest.mark.parametrize("limit", [1, 2, 200])
async def test_products_whose_ids_begin_alike_are_listed_and_no_others(warehouse: Warehouse, limit: int) -> None:
    names = ["te", "tea", "tea-1", "tea-2", "teapot", "teb", "Tea", "t", "日", "日本", "本"]
    await warehouse.tell(*(DefineProduct(product_id=name) for name in names))
    for prefix, found in (
        ("tea", ["tea", "tea-1", "tea-2", "teapot"]),
        ("tea-", ["tea-1", "tea-2"]),
        ("日", ["日", "日本"]),
        ("x", []),
    ):
        listed = await pages(warehouse, ListProducts(limit=limit, prefix=prefix))
        assert [name for page in listed for name in page] == found


async def test_a_page_of_products_is_read_along_their_ids_without_sorting(inventory_database: Database) -> None:
    async with inventory_database.transaction() as tx:
        await catalogue.list_products([], tx)  # tells PostgreSQL to walk: this table was never analyzed
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await tx.execute(f"PREPARE page (text, text, bigint) AS {catalogue._PAGE}")  # noqa: SLF001  # what PostgreSQL is sent
        plan = "\n".join(row[0] for row in await tx.fetch("EXPLAIN EXECUTE page (NULL, NULL, NULL)"))
        await tx.execute("DEALLOCATE page")
    assert "Index Cond: ((product_id > $1) AND (product_id >= $2))" in plan, plan
    assert "Sort" not in plan, plan


async def test_locations_are_listed_in_the_order_in_which_they_serve(warehouse: Warehouse) -> None:
    assert await warehouse.reply(DefineLocation(location_id="north", name="North", priority=50)) == LocationDetails(
        location_id="north", name="North", priority=50
    )
    await warehouse.tell(DefineLocation(location_id="annex"))
    assert await warehouse.reply(ListLocations()) == LocationList(
        about="locations",
        locations=(
            LocationEntry(location_id="north", name="North", priority=50),
            LocationEntry(location_id="annex"),
            LocationEntry(location_id="main"),
        ),
    )


async def test_a_late_copy_does_not_put_a_location_back_to_where_it_was(warehouse: Warehouse) -> None:
    old = received(DefineLocation(location_id="north", priority=1))
    new = DefineLocation(location_id="north", priority=2)
    expected = LocationDetails(location_id="north", priority=2)
    assert replies(await warehouse.tell(old, new, old)) == [
        LocationDetails(location_id="north", priority=1),
        expected,
        expected,
    ]
    assert await warehouse.reply(old) == expected


async def test_an_order_is_served_by_the_location_that_is_first_now(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north", priority=200), came(5), came(5, at="north"))
    await warehouse.tell(order(1), DefineLocation(location_id="north", priority=1), order(2))
    assert await warehouse.levels() == {("apple", "main"): (5, 1), ("apple", "north"): (5, 2)}


async def test_there_are_only_so_many_locations(warehouse: Warehouse) -> None:
    await warehouse.tell(*(DefineLocation(location_id=f"l{number}") for number in range(MOST_LOCATIONS - 1)))
    one_more = received(DefineLocation(location_id="one-more"))
    reply = await warehouse.reply(one_more)
    assert isinstance(reply, RequestRefused)
    assert reply.code == "too-many-locations"
    assert isinstance(await warehouse.reply(DefineLocation(location_id="l7", priority=7)), LocationDetails)
    await warehouse.rows("DELETE FROM locations WHERE location_id = 'l8' RETURNING true")
    assert replies(await warehouse.tell(one_more)) == []  # a copy of what was refused
    assert isinstance(await warehouse.reply(one_more.message), LocationDetails)
