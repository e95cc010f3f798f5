"""How the stock of many products is listed, and what is expected of them."""

from typing import Any
from uuid import UUID

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from onhand.common.contracts import (
    CheckStock,
    DefineLocation,
    DefineProduct,
    ExpectStock,
    GetIncoming,
    IncomingDetails,
    IncomingPage,
    ListIncoming,
    ListStock,
    RequestRefused,
    StockPage,
)
from onhand.common.database import Database
from onhand.inventory.queries import incoming, lists
from warehouse import Warehouse, came, day, expected, order


@pytest.fixture
def warehouse(inventory_database: Database) -> Warehouse:
    return Warehouse(inventory_database)


async def pages(warehouse: Warehouse, **query: Any) -> list[list[str]]:  # noqa: ANN401  # filters and limit
    """The products on all pages, one after the other."""
    asked, found = ListStock(**query), []
    while True:
        reply = await warehouse.reply(asked)
        assert isinstance(reply, StockPage)
        assert len(reply.stock) <= asked.limit
        found.append([level.product_id for level in reply.stock])
        if reply.next is UNSET:
            return found
        asked = replace(asked, after=reply.next)


async def listed(warehouse: Warehouse, **query: Any) -> list[str]:  # noqa: ANN401  # filters and limit
    """The products on all pages."""
    return [product_id for ids in await pages(warehouse, **query) for product_id in ids]


async def fill(warehouse: Warehouse) -> None:
    """Apples run low, pears ran out, plums are plenty; figs are only in the north, dates in both places."""
    await warehouse.tell(DefineLocation(location_id="north"), DefineLocation(location_id="empty"))
    await warehouse.tell(came(5), came(3, "pear"), came(90, "plum"), came(2, "fig", at="north"))
    await warehouse.tell(came(1, "date"), came(1, "date", at="north"))
    await warehouse.tell(
        DefineProduct(product_id="apple", low_stock_threshold=5),
        DefineProduct(product_id="plum", low_stock_threshold=5),
        DefineProduct(product_id="date", safety_stock=1, low_stock_threshold=0),
    )
    await warehouse.tell(order(3, "pear"))


async def test_stock_is_listed_by_product_and_page_by_page(warehouse: Warehouse) -> None:
    await fill(warehouse)
    assert await pages(warehouse, limit=2) == [["apple", "date"], ["fig", "pear"], ["plum"]]


async def test_a_product_is_listed_as_its_stock_is_told_alone(warehouse: Warehouse) -> None:
    await fill(warehouse)
    reply = await warehouse.reply(ListStock())
    assert isinstance(reply, StockPage)
    for level in reply.stock:
        assert level == await warehouse.reply(CheckStock(product_id=level.product_id))


@pytest.mark.parametrize("limit", [1, 2, 200])
async def test_every_filter_finds_what_it_says_and_nothing_else(warehouse: Warehouse, limit: int) -> None:
    await fill(warehouse)
    wanted: list[tuple[dict[str, object], list[str]]] = [
        ({"low": True}, ["apple", "date"]),
        ({"depleted": True}, ["date", "pear"]),
        ({"low": True, "depleted": True}, ["date"]),
        ({"location_id": "north"}, ["date", "fig"]),
        ({"location_id": "main"}, ["apple", "date", "pear", "plum"]),
        ({"location_id": "empty"}, []),
        ({"location_id": "north", "depleted": True}, ["date"]),
        ({"location_id": "main", "low": True}, ["apple", "date"]),
        ({"location_id": "north", "low": True, "depleted": True}, ["date"]),
    ]
    for filters, names in wanted:
        assert await listed(warehouse, limit=limit, **filters) == names, filters


async def test_what_is_short_at_one_location_may_be_plenty_at_another(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north", priority=1))
    await warehouse.tell(came(9), came(1, at="north"))
    await warehouse.tell(order(1))
    assert await listed(warehouse, depleted=True) == []
    assert await listed(warehouse, depleted=True, location_id="north") == ["apple"]
    assert await listed(warehouse, depleted=True, location_id="main") == []


async def test_a_list_for_a_location_nobody_knows_is_refused(warehouse: Warehouse) -> None:
    reply = await warehouse.reply(ListStock(location_id="moon"))
    assert isinstance(reply, RequestRefused)
    assert reply.code == "location-not-found"


async def test_there_is_one_page_when_there_is_no_product(warehouse: Warehouse) -> None:
    assert await pages(warehouse) == [[]]


@pytest.mark.parametrize("filters", [{"depleted": True}, {"low": True}, {"location_id": "main", "low": True}], ids=str)
async def test_a_page_looks_at_so_many_products_and_says_where_it_stopped(
    warehouse: Warehouse, filters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    walk_at_most(3, monkeypatch)
    names = [f"p{number}" for number in range(7)]
    await warehouse.tell(*(came(9, name) for name in names))
    await warehouse.tell(*(DefineProduct(product_id=name, low_stock_threshold=1) for name in names))
    assert await pages(warehouse, **filters) == [[], [], []]  # 7 products, 3 at a time
    await warehouse.tell(*(order(9, name) for name in names[::3]))
    for limit in (1, 2, 200):
        assert await listed(warehouse, limit=limit, **filters) == names[::3]


def walk_at_most(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = {}
    for walk, statement in lists._PAGES.items():  # noqa: SLF001  # what PostgreSQL is sent
        parts = statement.split(str(lists.MOST_WALKED))
        assert len(parts) == 3  # how far it goes, and how one knows that it went so far
        statements[walk] = str(most).join(parts)
    monkeypatch.setattr(lists, "_PAGES", statements)
    monkeypatch.setattr(lists, "MOST_WALKED", most)


async def test_products_at_many_locations_make_a_short_page(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST_LEVELS", 3)
    await fill(warehouse)
    await warehouse.tell(came(1, "apple", at="north"), came(1, "apple", at="empty"), came(1, "apple"))
    await warehouse.tell(DefineLocation(location_id="south"))
    await warehouse.tell(came(1, "apple", at="south"))
    assert await pages(warehouse, limit=200) == [["apple"], ["date", "fig"], ["pear", "plum"]]


@pytest.mark.parametrize("walk", ["location", "threshold", "all"])
async def test_every_walk_stops_at_the_limit_without_sorting(inventory_database: Database, walk: str) -> None:
    async with inventory_database.transaction() as tx:
        await lists.list_stock([], tx)  # tells PostgreSQL to walk: these tables were never analyzed
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        statement = lists._PAGES[walk]  # noqa: SLF001  # what PostgreSQL is sent
        await tx.execute(f"PREPARE walk (text, text, boolean, boolean, bigint) AS {statement}")
        plan = "\n".join(row[0] for row in await tx.fetch("EXPLAIN EXECUTE walk (NULL, NULL, NULL, NULL, NULL)"))
        await tx.execute("DEALLOCATE walk")
    assert "Sort" not in plan, plan
    assert "Seq Scan" not in plan, plan


async def expected_pages(warehouse: Warehouse, **query: Any) -> list[list[UUID]]:  # noqa: ANN401  # filters and limit
    """What is expected, on all pages one after the other."""
    asked, found = ListIncoming(**query), []
    while True:
        page = await warehouse.reply(asked)
        assert isinstance(page, IncomingPage)
        found.append([it.incoming_id for it in page.incoming])
        if page.next is UNSET:
            return found
        asked = replace(asked, after=page.next)


def in_order(*commands: ExpectStock) -> list[UUID]:
    return [it.incoming_id for it in sorted(commands, key=lambda it: (it.product_id, it.incoming_id))]


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
async def test_what_is_to_come_is_listed_by_its_product_and_then_its_id(warehouse: Warehouse, limit: int) -> None:
    assert await expected_pages(warehouse, limit=limit) == [[]]
    apples = [expected(1, day(number)) for number in (3, 1, 2)]
    pears = [expected(2, day(number), "pear") for number in (2, 1)]
    await warehouse.tell(came(1), came(1, "pear"), came(1, "fig"), *apples, *pears)
    found = await expected_pages(warehouse, limit=limit)
    assert [it for page in found for it in page] == in_order(*apples, *pears)
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    for product_id, commands in (("apple", apples), ("pear", pears), ("fig", [])):
        found = await expected_pages(warehouse, limit=limit, product_id=product_id)
        assert [it for page in found for it in page] == in_order(*commands)


async def test_what_has_come_or_was_withdrawn_is_not_to_come(warehouse: Warehouse) -> None:
    late, received, withdrawn = expected(5), expected(5), expected(5)
    await warehouse.tell(came(1), late, received, withdrawn)
    await warehouse.tell(replace(came(5), incoming_id=received.incoming_id), replace(withdrawn, quantity=0))
    await warehouse.tell(replace(late, expected_at=day(9), quantity=3))
    page = await warehouse.reply(ListIncoming())
    alone = await warehouse.reply(GetIncoming(product_id="apple", incoming_id=late.incoming_id))
    assert isinstance(alone, IncomingDetails)
    assert page == IncomingPage("incoming", (alone,))


async def test_a_list_of_what_is_to_come_goes_on_after_what_has_come_meanwhile(warehouse: Warehouse) -> None:
    commands = [expected(5, product_id=name) for name in ("fig", "pear", "plum")]
    await warehouse.tell(*(came(1, it.product_id) for it in commands), *commands)
    _, second, third = commands
    await warehouse.tell(replace(second, quantity=0))
    page = await warehouse.reply(ListIncoming(after=second.incoming_id))
    assert isinstance(page, IncomingPage)
    assert [it.incoming_id for it in page.incoming] == [third.incoming_id]


async def test_a_page_of_what_is_to_come_is_read_along_one_index_without_sorting(inventory_database: Database) -> None:
    async with inventory_database.transaction() as tx:
        await incoming.list_incoming([], tx)  # tells PostgreSQL to walk: this table was never analyzed
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await tx.execute(f"PREPARE page (text, uuid, bigint) AS {incoming._PAGE}")  # noqa: SLF001  # what PostgreSQL is sent
        plan = "\n".join(row[0] for row in await tx.fetch("EXPLAIN EXECUTE page (NULL, NULL, NULL)"))
        await tx.execute("DEALLOCATE page")
    assert "Index Scan using incoming_listed" in plan, plan
    assert "Sort" not in plan, plan
