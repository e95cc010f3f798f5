"""How orders are listed: what is found, in which order, and that a page has an end."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from uuid_utils.compat import uuid7

from apps.orders.tests.desk import create, deliver, fulfil, granting, rejecting
from onhand.common.contracts import CancelOrder, ListOrders, OrderPage, StockReserved
from onhand.common.database import Database
from onhand.orders.queries import lists

APPLE = {"apple": 2}


async def place(database: Database, lines: dict[str, int] = APPLE, **fields: Any) -> UUID:  # noqa: ANN401  # all there are
    """A new order, with an id as the gateway makes it."""
    command = replace(create(lines), order_id=uuid7(), **fields)
    await deliver(database, command)
    return command.order_id


async def page(database: Database, query: ListOrders) -> OrderPage:
    (reply,) = (await deliver(database, query)).replies
    assert isinstance(reply, OrderPage)
    assert len(reply.orders) <= query.limit
    return reply


async def pages(database: Database, **query: Any) -> list[list[UUID]]:  # noqa: ANN401  # filters and limit
    """The ids on all pages, one after the other."""
    asked, found = ListOrders(**query), []
    while True:
        reply = await page(database, asked)
        found.append([order.order_id for order in reply.orders])
        if reply.next is UNSET:
            return found
        asked = replace(asked, before=reply.next)


async def listed(database: Database, **query: Any) -> list[UUID]:  # noqa: ANN401  # filters and limit
    """The ids on all pages."""
    return [order_id for ids in await pages(database, **query) for order_id in ids]


def newest_first(ids: Sequence[UUID]) -> list[UUID]:
    return sorted(ids, reverse=True)


async def test_orders_are_listed_the_newest_first_and_page_by_page(orders_database: Database) -> None:
    ids = [await place(orders_database) for _ in range(5)]
    found = await pages(orders_database, limit=2)
    assert found == [ids[:2:-1], ids[2:0:-1], ids[:1]]


async def test_an_order_is_listed_as_it_is_told_alone(orders_database: Database) -> None:
    fields = {"reference": "web-1", "metadata": {"gift": "yes"}, "policy": "backorder"}
    order_id = await place(orders_database, {"apple": 2, "pear": 1}, **fields)
    await deliver(orders_database, granting(order_id, {"apple": 2, "pear": 1}, {"apple": 1}))
    (order,) = (await page(orders_database, ListOrders())).orders
    assert (order.order_id, order.status, order.reference) == (order_id, "backordered", "web-1")
    assert [(line.product_id, line.reserved, line.backordered) for line in order.lines] == [
        ("apple", 1, 1),
        ("pear", 0, 1),
    ]


async def test_there_is_one_page_when_there_are_no_orders(orders_database: Database) -> None:
    assert await page(orders_database, ListOrders()) == OrderPage("orders", ())


async def test_a_list_stays_as_it_was_while_orders_arrive(orders_database: Database) -> None:
    ids = [await place(orders_database) for _ in range(6)]
    asked, found = ListOrders(limit=2), list[UUID]()
    while True:
        reply = await page(orders_database, asked)
        found += [order.order_id for order in reply.orders]
        await place(orders_database)
        if reply.next is UNSET:
            break
        asked = replace(asked, before=reply.next)
    assert found == newest_first(ids)


async def everything(database: Database) -> dict[str, UUID]:
    """An order in each state, by what is special about it."""
    ids = {name: await place(database) for name in ("pending", "confirmed", "rejected", "cancelled", "sent", "partly")}
    ids["backordered"] = await place(database, policy="backorder")
    ids["ben's"] = await place(database, customer_id="ben")
    ids["two lines"] = await place(database, {"pear": 1, "apple": 3})
    ids["pear"] = await place(database, {"pear": 1})
    ids["referred"] = await place(database, reference="web-1")
    ids["referred, ben's"] = await place(database, reference="web-1", customer_id="ben")
    await deliver(
        database,
        *(StockReserved(ids[name]) for name in ("confirmed", "sent", "partly")),
        rejecting(ids["rejected"], APPLE),
        granting(ids["backordered"], APPLE, {}),
    )
    await deliver(database, fulfil(ids["sent"]), fulfil(ids["partly"], {"apple": 1}), CancelOrder(ids["cancelled"]))
    return ids


@pytest.mark.parametrize("limit", [1, 3, 200])
async def test_every_filter_finds_what_it_says_and_nothing_else(orders_database: Database, limit: int) -> None:
    ids = await everything(orders_database)
    names = {order_id: name for name, order_id in ids.items()}
    pending = {"pending", "ben's", "two lines", "pear", "referred", "referred, ben's"}
    wanted: list[tuple[dict[str, str], set[str]]] = [
        ({"status": "pending"}, pending),
        ({"status": "confirmed"}, {"confirmed", "sent", "partly"}),
        ({"status": "rejected"}, {"rejected"}),
        ({"status": "cancelled"}, {"cancelled"}),
        ({"status": "backordered"}, {"backordered"}),
        ({"fulfilment": "fulfilled"}, {"sent"}),
        ({"fulfilment": "partially-fulfilled"}, {"partly"}),
        ({"fulfilment": "returned"}, set()),
        ({"fulfilment": "unfulfilled", "status": "confirmed"}, {"confirmed"}),
        ({"fulfilment": "fulfilled", "status": "rejected"}, set()),
        ({"customer_id": "ben"}, {"ben's", "referred, ben's"}),
        ({"customer_id": "nobody"}, set()),
        ({"product_id": "pear"}, {"two lines", "pear"}),
        ({"product_id": "pear", "customer_id": "ben"}, set()),
        ({"product_id": "apple", "status": "rejected"}, {"rejected"}),
        ({"reference": "web-1"}, {"referred", "referred, ben's"}),
        ({"reference": "web-1", "customer_id": "ben", "status": "pending"}, {"referred, ben's"}),
        ({"reference": "web-2"}, set()),
    ]
    for filters, expected in wanted:
        found = await listed(orders_database, limit=limit, **filters)
        assert {names[order_id] for order_id in found} == expected, filters
        assert found == newest_first(found), filters


async def test_all_filters_together_find_what_is_all_of_it(orders_database: Database) -> None:
    ids = await everything(orders_database)
    rows = [order for order_id in ids.values() for order in (await page(orders_database, ListOrders(limit=200))).orders
            if order.order_id == order_id]  # fmt: skip
    choices = {
        "status": ["pending", "confirmed", "rejected"],
        "fulfilment": ["unfulfilled", "fulfilled"],
        "customer_id": ["ann", "ben"],
        "product_id": ["apple", "pear"],
        "reference": ["web-1"],
    }
    for values in itertools.product(*([None, *values] for values in choices.values())):
        filters = {name: value for name, value in zip(choices, values, strict=True) if value is not None}
        expected = [
            row.order_id
            for row in rows
            if all(
                value in {line.product_id for line in row.lines}
                if name == "product_id"
                else getattr(row, name) == value
                for name, value in filters.items()
            )
        ]
        assert await listed(orders_database, **filters) == newest_first(expected), filters


async def test_orders_are_found_by_the_moment_of_their_creation(orders_database: Database) -> None:
    ids = [await place(orders_database) for _ in range(3)]
    moments = [order.created_at for order in (await page(orders_database, ListOrders())).orders][::-1]
    assert await listed(orders_database, created_from=moments[1]) == newest_first(ids[1:])
    assert await listed(orders_database, created_to=moments[1]) == ids[:1]
    assert await listed(orders_database, created_from=moments[1], created_to=moments[2]) == ids[1:2]
    tick = timedelta(microseconds=1)
    assert await listed(orders_database, created_from=moments[2] + tick) == []
    assert await listed(orders_database, created_from=moments[0], created_to=moments[2] + tick) == newest_first(ids)


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)])
async def test_the_first_and_the_last_moment_can_be_asked_for(orders_database: Database, moment: datetime) -> None:
    order_id = await place(orders_database)
    is_past = moment < datetime.now(UTC)
    assert await listed(orders_database, created_from=moment) == ([order_id] if is_past else [])
    assert await listed(orders_database, created_to=moment) == ([] if is_past else [order_id])


async def test_a_clock_that_differs_a_little_hides_no_order(orders_database: Database) -> None:
    order_id = await place(orders_database)
    for late in (timedelta(minutes=-9), timedelta(minutes=9)):
        async with orders_database.transaction() as tx:
            stored = await tx.fetchval(
                "UPDATE orders SET created_at = statement_timestamp() + $1 RETURNING created_at", late
            )
        assert await listed(orders_database, created_from=stored) == [order_id]
        assert await listed(orders_database, created_to=stored + timedelta(microseconds=1)) == [order_id]


FILTERS: list[dict[str, str]] = [
    {"status": "confirmed"},
    {"customer_id": "ann", "status": "rejected"},
    {"product_id": "apple", "status": "rejected"},
    {"reference": "r", "status": "rejected"},
    {"status": "backordered", "fulfilment": "fulfilled"},
    {"fulfilment": "fulfilled", "status": "pending"},
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
async def test_a_page_looks_at_so_many_orders_and_says_where_it_stopped(
    orders_database: Database, filters: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    walk_at_most(3, monkeypatch)
    ids = [await place(orders_database, reference="r", policy="backorder") for _ in range(7)]
    if filters.get("status") == "backordered":
        await deliver(orders_database, *(granting(order_id, APPLE, {}) for order_id in ids))
    elif "fulfilment" in filters:
        await deliver(orders_database, *(StockReserved(order_id) for order_id in ids))
        await deliver(orders_database, *(fulfil(order_id) for order_id in ids))
    found = await pages(orders_database, limit=2, **filters)
    assert found == [[], [], []]  # 7 orders, 3 at a time


def walk_at_most(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = {}
    for walk, statement in lists._PAGES.items():  # noqa: SLF001  # what PostgreSQL is sent
        parts = statement.split(str(lists.MOST_WALKED))
        assert len(parts) == 3  # how far it goes, and how one knows that it went so far
        statements[walk] = str(most).join(parts)
    monkeypatch.setattr(lists, "_PAGES", statements)
    monkeypatch.setattr(lists, "MOST_WALKED", most)


async def test_what_is_found_before_a_page_stops_is_told_once(
    orders_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk_at_most(3, monkeypatch)
    ids = [await place(orders_database) for _ in range(10)]
    settled = ids[::3]
    await deliver(orders_database, *(StockReserved(order_id) for order_id in settled))
    for limit in (1, 2, 3, 200):
        assert await listed(orders_database, status="confirmed", limit=limit) == newest_first(settled)


async def test_long_orders_make_a_short_page(orders_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_CHARACTERS", 100)
    short, long = [await place(orders_database, {name: 1}) for name in ("a", "x" * 120)]
    last = [await place(orders_database, {name: 1}) for name in ("a", "b", "c")]
    assert await pages(orders_database, limit=200) == [last[:0:-1], [last[0]], [long], [short]]


async def test_a_batch_may_ask_for_several_lists(orders_database: Database) -> None:
    ids = [await place(orders_database, customer_id=name) for name in ("ann", "ben")]
    told = await deliver(orders_database, *(ListOrders(customer_id=name) for name in ("ben", "ann", "cid")))
    found = [[order.order_id for order in reply.orders] for reply in told.replies if isinstance(reply, OrderPage)]
    assert found == [ids[1:], ids[:1], []]


@pytest.mark.parametrize("walk", ["customer", "product", "reference", "status", "fulfilment", "all"])
async def test_every_walk_stops_at_the_limit_without_sorting(orders_database: Database, walk: str) -> None:
    async with orders_database.transaction() as tx:
        await lists.list_orders([], tx)  # tells PostgreSQL to walk: these tables were never analyzed
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        kinds = ["uuid", "uuid", *["text"] * 5, *["timestamptz"] * 2, "bigint"]
        statement = lists._PAGES[walk]  # noqa: SLF001  # what PostgreSQL is sent
        await tx.execute(f"PREPARE walk ({', '.join(kinds)}) AS {statement}")
        nothing = ", ".join(["NULL"] * len(kinds))
        plan = "\n".join(row[0] for row in await tx.fetch(f"EXPLAIN EXECUTE walk ({nothing})"))
        await tx.execute("DEALLOCATE walk")
    assert "Sort" not in plan, plan
    assert "Seq Scan" not in plan, plan
