"""From where an order gets its units."""

from collections import Counter
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from onhand.common.contracts import (
    DefineLocation,
    DefineProduct,
    Line,
    LineAllocation,
    OrderCreated,
    StockRejected,
    StockReserved,
)
from onhand.common.contracts.orders import Policy
from onhand.common.database import Database
from onhand.inventory.domain.allocation import Row, decide
from onhand.inventory.domain.backorders import Waiting, fill
from onhand.inventory.domain.levels import Level, Product, Stock
from warehouse import Warehouse, counted, order_for, order_of

PRIORITIES = {"near": 1, "far": 2, "also-far": 2, "abroad": 9}
POLICIES: list[Policy] = ["all-or-nothing", "ship-available", "backorder"]


def stock_of(*levels: tuple[str, str, int], safety_stock: int = 0, backorderable: bool = True) -> Stock:
    """Products at locations, with so many units each."""
    products = {product_id for product_id, _, _ in levels}
    return Stock(
        [Product(product_id, None, safety_stock, backorderable) for product_id in products],
        [
            Level(product_id, at, priority=PRIORITIES[at], on_hand=units, reserved=0, safety_stock=safety_stock)
            for product_id, at, units in levels
        ],
    )


def given_by(rows: list[Row]) -> dict[tuple[str, str | None], int]:
    """Units by product and location."""
    return {(row.product_id, row.location_id): row.granted for row in rows}


def allocate(stock: Stock, policy: Policy = "all-or-nothing", **units: int) -> dict[tuple[str, str | None], int]:
    return given_by(decide([order_for(units, policy)], stock).rows)


def test_the_first_location_by_priority_that_can_serve_the_whole_order_does() -> None:
    stock = stock_of(("apple", "near", 9), ("pear", "near", 1), ("apple", "far", 5), ("pear", "far", 5))
    assert allocate(stock, apple=2, pear=2) == {("apple", "far"): 2, ("pear", "far"): 2}
    assert allocate(stock, apple=2, pear=1) == {("apple", "near"): 2, ("pear", "near"): 1}


def test_an_order_is_not_served_from_one_location_where_one_of_its_products_was_never_kept() -> None:
    stock = stock_of(("apple", "near", 9), ("apple", "far", 9), ("pear", "far", 9))
    assert allocate(stock, apple=1, pear=1) == {("apple", "far"): 1, ("pear", "far"): 1}


def test_an_order_that_no_location_can_serve_is_split_by_priority_and_then_by_stock() -> None:
    stock = stock_of(("apple", "abroad", 90), ("apple", "far", 5), ("apple", "also-far", 4), ("apple", "near", 2))
    stock.level("apple", "abroad").safety_stock = 80
    assert allocate(stock, apple=13) == {
        ("apple", "near"): 2,
        ("apple", "far"): 5,
        ("apple", "also-far"): 4,
        ("apple", "abroad"): 2,
    }


def test_only_the_lines_that_need_it_are_split() -> None:
    stock = stock_of(("apple", "near", 2), ("apple", "far", 2), ("pear", "far", 5), ("pear", "near", 5))
    assert allocate(stock, apple=3, pear=3) == {("apple", "near"): 2, ("apple", "far"): 1, ("pear", "near"): 3}


def test_what_is_kept_from_orders_is_kept_at_each_location() -> None:
    stock = stock_of(("apple", "near", 3), ("apple", "far", 3), safety_stock=2)
    decisions = decide([order_of(apple=3)], stock)
    (told,) = decisions.answers.values()
    assert isinstance(told, StockRejected)
    assert told.lines[0].available == 2
    assert allocate(stock, apple=2) == {("apple", "near"): 1, ("apple", "far"): 1}


def test_each_row_tells_what_there_was_before_it() -> None:
    stock = stock_of(("apple", "near", 3), ("apple", "far", 4))
    rows = decide([order_of(apple=5), order_of("ship-available", apple=9), order_of(apple=1)], stock).rows
    assert [(row.location_id, row.requested, row.granted, row.available) for row in rows] == [
        ("near", 5, 3, 3),
        ("far", 0, 2, 4),
        ("far", 9, 2, 2),
        (None, 1, 0, 0),
    ]
    assert [row.row_no for row in rows] == [1, 2, 1, 1]


def test_orders_of_one_batch_are_decided_in_the_order_they_came() -> None:
    batch = [order_of(apple=2), order_of(apple=2), order_of(apple=1)]
    decisions = decide(batch, stock_of(("apple", "near", 3)))
    assert [isinstance(decisions.answers[each.order_id], StockReserved) for each in batch] == [True, False, True]


def test_those_that_wait_are_given_units_first_come_first_served_and_also_in_part() -> None:
    stock = stock_of(("apple", "near", 2), ("apple", "far", 3))
    ids = [uuid4() for _ in range(3)]
    queue = [
        Waiting(order_id, 1, 0, "apple", units, place)
        for place, (order_id, units) in enumerate(zip(ids, (3, 4, 1), strict=True))
    ]
    assert [(filled.waiting.order_id, filled.location_id, filled.units) for filled in fill(queue, stock)] == [
        (ids[0], "near", 2),
        (ids[0], "far", 1),
        (ids[1], "far", 2),
    ]
    assert stock.promisable("apple") == 0


async def test_where_an_order_was_served_from_is_stored_and_can_be_explained(inventory_database: Database) -> None:
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(DefineLocation(location_id="near", priority=1), DefineLocation(location_id="far", priority=2))
    await warehouse.tell(counted(2, at="near"), counted(9, at="far"), DefineProduct(product_id="apple", safety_stock=1))
    whole, split = order_of(apple=5), order_of(apple=4)
    await warehouse.tell(whole, split)
    told = (await warehouse.explain()).reservations
    assert {(each.holder_id, each.location_id, each.quantity, each.available, each.is_split) for each in told} == {
        (whole.order_id, "far", 5, 8, False),
        (split.order_id, "near", 1, 1, True),
        (split.order_id, "far", 3, 3, True),
    }
    await warehouse.check()


PRODUCTS = st.sampled_from(["apple", "pear", "plum"])
LEVELS = st.dictionaries(st.tuples(PRODUCTS, st.sampled_from(list(PRIORITIES))), st.integers(0, 9), min_size=1)
ORDERS = st.lists(
    st.tuples(st.dictionaries(PRODUCTS, st.integers(1, 9), min_size=1), st.sampled_from(POLICIES)), max_size=12
)


@given(levels=LEVELS, orders=ORDERS, safety_stock=st.integers(0, 2), backorderable=st.booleans())
def test_no_batch_ever_gets_more_than_there_is_and_every_order_is_told_what_it_gets(
    levels: dict[tuple[str, str], int],
    orders: list[tuple[dict[str, int], Policy]],
    safety_stock: int,
    backorderable: bool,  # hypothesis calls it by name
) -> None:
    stock = stock_of(
        *((product_id, at, units) for (product_id, at), units in levels.items()),
        safety_stock=safety_stock,
        backorderable=backorderable,
    )
    batch = [order_for(units, policy) for units, policy in orders]
    decisions = decide(batch, stock)
    taken: Counter[tuple[str, str]] = Counter()
    for row in decisions.rows:
        if row.location_id is not None:
            taken[row.product_id, row.location_id] += row.granted
    for place, units in levels.items():
        assert taken[place] <= max(0, units - safety_stock)
        assert stock.level(*place).reserved == taken[place]
    for each in batch:
        check_decision(
            each, decisions.answers[each.order_id], [r for r in decisions.rows if r.holder_id == each.order_id]
        )


def check_decision(order: OrderCreated, told: StockReserved | StockRejected, rows: list[Row]) -> None:
    granted = Counter({line.product_id: 0 for line in order.lines})
    waiting = Counter(granted)
    for row in rows:
        granted[row.product_id] += row.granted
        waiting[row.product_id] += row.waiting
    assert [row.row_no for row in rows] == list(range(1, len(rows) + 1))
    assert [Line(row.product_id, row.requested) for row in rows if row.requested] == list(order.lines)
    assert len({row.reason for row in rows}) == 1
    if isinstance(told, StockRejected):
        assert not granted.total()
        assert not waiting.total()
        assert any(line.available < line.requested for line in told.lines)
        return
    for line in order.lines:
        missing = line.quantity - granted[line.product_id]
        assert waiting[line.product_id] == (missing if order.policy == "backorder" else 0)
        assert missing == 0 or order.policy != "all-or-nothing"
    if told.lines:
        assert list(told.lines) == [
            LineAllocation(line.product_id, granted[line.product_id], waiting[line.product_id]) for line in order.lines
        ]
    else:
        assert all(granted[line.product_id] == line.quantity for line in order.lines)
