"""What is expected, and what it promises to those that wait."""

import asyncio
from collections import Counter
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from onhand.common.contracts import (
    AllocationNoted,
    BackorderPromised,
    DefineLocation,
    DefineProduct,
    ExpectStock,
    GetIncoming,
    IncomingAdded,
    IncomingDetails,
    IncomingOver,
    IncomingReplayed,
    LineAllocation,
    LinePromise,
    Message,
    OrderCancelled,
    OrderCreated,
    ReceiveStock,
    ReleaseHold,
    Reply,
    RequestRefused,
    StockReserved,
)
from onhand.common.contracts.message import LARGEST_INTEGER
from onhand.common.database import Database
from onhand.common.messaging.envelope import Effect, Publish
from onhand.common.testing import received
from onhand.inventory.domain.backorders import Waiting, fill
from onhand.inventory.domain.levels import Level, Product, Stock
from onhand.inventory.domain.promises import Delivery, WaitingLine, promise
from warehouse import (
    Warehouse,
    adjusted,
    came,
    came_back,
    cancelled,
    carried,
    counted,
    day,
    events,
    expected,
    held,
    order,
    order_of,
    replies,
    sent,
    tell,
    waits_for_a_lock,
)


@pytest.fixture
def warehouse(inventory_database: Database) -> Warehouse:
    return Warehouse(inventory_database)


def waits(quantity: int) -> OrderCreated:
    return order(quantity, policy="backorder")


def promises(effects: list[Effect], *orders: OrderCreated) -> list[datetime | None]:
    """What each order is promised by what is told; each has one line."""
    told = {event.order_id: event.lines for event in events(effects, BackorderPromised)}
    assert told.keys() == {each.order_id for each in orders}
    lines = [told[each.order_id] for each in orders]
    return [line.promised_at or None for (line,) in lines]


async def test_what_is_expected_is_told_with_the_stock(warehouse: Warehouse) -> None:
    command = replace(expected(5), reference="ship 7")
    details = IncomingAdded(command.incoming_id, "apple", "main", 5, day(0), "ship 7", "expected")
    assert await warehouse.reply(command) == details
    level = await warehouse.stock()
    assert (level.on_hand, level.available_to_promise, level.incoming) == (0, 0, 5)


async def test_what_is_expected_where_there_was_nothing_is_told_there(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north", priority=1))
    await warehouse.tell(came(1), expected(5, at="north"), expected(2), expected(3))
    level = await warehouse.stock()
    assert isinstance(level.locations, tuple)
    assert [(each.location_id, each.incoming) for each in level.locations] == [("north", 5), ("main", 5)]


async def test_what_is_said_again_is_the_new_state_of_it(warehouse: Warehouse) -> None:
    command = expected(5)
    await warehouse.tell(command, replace(command, quantity=3, expected_at=day(2)))
    assert (await warehouse.stock()).incoming == 3
    await warehouse.tell(replace(command, quantity=0))
    assert (await warehouse.stock()).incoming == 0


async def test_a_late_copy_does_not_undo_what_was_said_since(warehouse: Warehouse) -> None:
    old = received(expected(5))
    new = replace(old.message, quantity=3)
    assert [
        reply.quantity for reply in replies(await warehouse.tell(old, new, old)) if isinstance(reply, IncomingDetails)
    ] == [5, 3, 3]
    await warehouse.tell(old)
    assert (await warehouse.stock()).incoming == 3


async def test_a_retry_with_the_same_idempotency_key_changes_nothing(warehouse: Warehouse) -> None:
    command = replace(expected(5), idempotency_key="k1")
    first, again = replies(await warehouse.tell(command, command))
    assert type(first) is IncomingAdded
    assert isinstance(again, IncomingReplayed)
    await warehouse.tell(came_as(command.incoming_id, 2))
    reply = await warehouse.reply(command)
    assert isinstance(reply, IncomingReplayed)
    assert reply.quantity == 3
    assert (await warehouse.stock()).incoming == 3


async def test_the_same_idempotency_key_for_something_else_is_refused(warehouse: Warehouse) -> None:
    command = replace(expected(5), idempotency_key="k1")
    await warehouse.tell(command)
    reply = await warehouse.reply(replace(command, quantity=6))
    assert isinstance(reply, RequestRefused)
    assert reply.code == "idempotency-key-reused"


async def test_what_is_of_another_product_is_not_found(warehouse: Warehouse) -> None:
    command = expected(5)
    await warehouse.tell(command)
    for other in (replace(command, product_id="pear"), replace(came_as(command.incoming_id, 1), product_id="pear")):
        reply = await warehouse.reply(other)
        assert isinstance(reply, RequestRefused)
        assert reply.code == "incoming-not-found"
    assert await warehouse.levels() == {("apple", "main"): (0, 0)}
    assert (await warehouse.stock()).incoming == 5


async def test_a_delivery_to_nowhere_is_refused(warehouse: Warehouse) -> None:
    command = received(expected(5, at="moon"))
    for _ in range(2):
        reply = await warehouse.reply(command)
        assert isinstance(reply, RequestRefused)
        assert (reply.code, reply.pointer) == ("location-not-found", "/locationId")
    await warehouse.tell(DefineLocation(location_id="moon"))
    assert replies(await warehouse.tell(command)) == []
    assert await warehouse.rows("SELECT FROM incoming") == []
    assert isinstance(await warehouse.reply(command.message), IncomingDetails)


async def test_more_than_can_be_counted_is_not_expected(warehouse: Warehouse) -> None:
    command = expected(LARGEST_INTEGER)
    await warehouse.tell(command)
    reply = await warehouse.reply(expected(1))
    assert isinstance(reply, RequestRefused)
    assert (reply.code, reply.pointer) == ("too-much-stock", "/quantity")
    await warehouse.tell(DefineLocation(location_id="north"), expected(1, at="north"))
    assert await warehouse.levels() == {("apple", "main"): (0, 0)}
    await warehouse.tell(replace(command, quantity=1), expected(LARGEST_INTEGER - 1))
    assert (await warehouse.stock()).incoming == LARGEST_INTEGER


async def test_what_has_come_is_not_expected_any_more(warehouse: Warehouse) -> None:
    command = expected(5)
    await warehouse.tell(command, came_as(command.incoming_id, 2))
    level = await warehouse.stock()
    assert (level.on_hand, level.incoming) == (2, 3)
    await warehouse.tell(came_as(command.incoming_id, 7))  # more than was expected
    level = await warehouse.stock()
    assert (level.on_hand, level.incoming) == (9, 0)


async def asked(warehouse: Warehouse, command: ExpectStock) -> Reply:
    return await warehouse.reply(GetIncoming(product_id=command.product_id, incoming_id=command.incoming_id))


async def test_what_is_expected_is_told_as_it_stands(warehouse: Warehouse) -> None:
    command = expected(5)
    unknown = await asked(warehouse, command)
    assert isinstance(unknown, RequestRefused)
    assert unknown.code == "incoming-not-found"
    await warehouse.tell(command, came_as(command.incoming_id, 2))
    told = IncomingDetails(command.incoming_id, "apple", "main", 3, day(0), state="expected")
    assert await asked(warehouse, command) == told
    await warehouse.tell(came_as(command.incoming_id, 3))
    assert await asked(warehouse, command) == replace(told, quantity=0, state="received")
    of_another = await asked(warehouse, replace(command, product_id="pear"))
    assert isinstance(of_another, RequestRefused)


async def test_of_what_has_been_received_nothing_is_said_anew(warehouse: Warehouse) -> None:
    command = expected(5)
    await warehouse.tell(command, came_as(command.incoming_id, 5))
    for units in (5, 1, 0):
        reply = await warehouse.reply(replace(command, quantity=units))
        assert isinstance(reply, IncomingOver)
        assert (reply.quantity, reply.state) == (0, "received")
    assert (await warehouse.stock()).incoming == 0
    assert (await warehouse.rows("SELECT count(*) FROM incoming")) == [(2,)]


async def test_what_was_withdrawn_may_be_expected_again_or_come_after_all(warehouse: Warehouse) -> None:
    command = expected(5)
    await warehouse.tell(command)
    withdrawn = await warehouse.reply(replace(command, quantity=0))
    assert isinstance(withdrawn, IncomingDetails)
    assert (type(withdrawn), withdrawn.state) == (IncomingDetails, "withdrawn")
    again = await warehouse.reply(command)
    assert isinstance(again, IncomingDetails)
    assert (again.quantity, again.state) == (5, "expected")
    await warehouse.tell(replace(command, quantity=0), came_as(command.incoming_id, 1))
    assert isinstance(await warehouse.reply(command), IncomingOver)


async def test_a_redelivered_receipt_lowers_what_is_expected_once(warehouse: Warehouse) -> None:
    command = expected(5)
    await warehouse.tell(command)
    receipt = received(came_as(command.incoming_id, 2))
    await warehouse.tell(receipt, receipt)
    await warehouse.tell(receipt, receipt.message)
    assert (await warehouse.stock()).incoming == 3


async def test_what_nobody_expected_is_not_found(warehouse: Warehouse) -> None:
    reply = await warehouse.reply(came_as(uuid4(), 2))
    assert isinstance(reply, RequestRefused)
    assert (reply.code, reply.pointer) == ("incoming-not-found", "/incomingId")
    assert await warehouse.levels() == {}


async def test_an_order_that_waits_is_promised_the_day_of_the_delivery(warehouse: Warehouse) -> None:
    await warehouse.tell(expected(5, day(1)))
    waiting = waits(3)
    effects = await warehouse.tell(waiting)
    assert promises(effects, waiting) == [day(1)]
    (event,) = events(effects, BackorderPromised)
    assert event == BackorderPromised(waiting.order_id, (LinePromise("apple", day(1)),), revision=1)


async def test_deliveries_go_to_those_that_wait_in_their_order(warehouse: Warehouse) -> None:
    await warehouse.tell(counted(0))
    orders = [waits(3), waits(4), waits(2), waits(1)]
    await warehouse.tell(*orders)
    effects = await warehouse.tell(expected(6, day(2)), expected(2, day(1)), expected(1, day(3)))
    assert promises(effects, *orders[:3]) == [day(2), day(2), day(3)]


async def test_a_delivery_that_is_late_moves_the_promise(warehouse: Warehouse) -> None:
    delivery = expected(5, day(1))
    first, second = waits(3), waits(4)
    await warehouse.tell(counted(0), first, second, delivery, expected(5, day(2)))
    assert promises(await warehouse.tell(replace(delivery, expected_at=day(3))), first, second) == [day(2), day(3)]
    assert promises(await warehouse.tell(replace(delivery, quantity=0)), second) == [None]
    assert promises(await warehouse.tell(delivery), first, second) == [day(1), day(2)]
    assert events(await warehouse.tell(delivery), BackorderPromised) == []


async def test_a_promise_is_taken_back_when_nothing_comes_any_more(warehouse: Warehouse) -> None:
    delivery, waiting = expected(3, day(1)), waits(3)
    await warehouse.tell(counted(0), waiting, delivery)
    assert promises(await warehouse.tell(replace(delivery, quantity=0)), waiting) == [None]


async def test_what_was_received_in_part_is_promised_no_more(warehouse: Warehouse) -> None:
    delivery = expected(5, day(1))
    first, second = waits(3), waits(4)
    await warehouse.tell(counted(0), first, second, delivery, expected(2, day(2)))
    effects = await warehouse.tell(came_as(delivery.incoming_id, 4))
    filled = events(effects, StockReserved)
    assert {event.order_id for event in filled} == {first.order_id, second.order_id}
    assert events(effects, BackorderPromised) == []  # the last unit of the second still comes on the second day
    assert await warehouse.levels() == {("apple", "main"): (4, 4)}
    assert promises(await warehouse.tell(came_as(delivery.incoming_id, 1), expected(2, day(0))), second) == [day(0)]


async def test_stock_that_comes_unexpectedly_leaves_the_delivery_to_others(warehouse: Warehouse) -> None:
    first, second = waits(3), waits(3)
    await warehouse.tell(counted(0), first, second, expected(3, day(1)))
    assert promises(await warehouse.tell(came(3)), second) == [day(1)]


async def test_who_gives_up_leaves_the_delivery_to_others(warehouse: Warehouse) -> None:
    first, second = waits(3), waits(3)
    await warehouse.tell(counted(0), first, second, expected(3, day(1)))
    effects = await warehouse.tell(OrderCancelled(order_id=first.order_id, lines=first.lines))
    assert promises(effects, second) == [day(1)]


async def test_what_a_location_lacks_of_its_safety_stock_is_promised_to_nobody(warehouse: Warehouse) -> None:
    first, second, delivery = waits(3), waits(1), expected(4, day(1), at="north")
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=2), DefineLocation(location_id="north"))
    await warehouse.tell(first, second, expected(3, day(3)))
    assert promises(await warehouse.tell(delivery), first) == [day(3)]
    effects = await warehouse.tell(replace(came(4, at="north"), incoming_id=delivery.incoming_id))
    assert events(effects, StockReserved) == [StockReserved(first.order_id, (LineAllocation("apple", 2, 1),), 2)]
    assert promises(await warehouse.tell(expected(1, day(4), at="north")), second) == [day(4)]


@pytest.mark.parametrize(
    "change", [came(2), counted(2), adjusted(2), carried(2, "north", "main")], ids=lambda it: it.TYPE
)
async def test_units_that_fill_up_the_safety_stock_let_more_be_promised(warehouse: Warehouse, change: Message) -> None:
    waiting = waits(3)
    await warehouse.tell(DefineLocation(location_id="north"), came(2, at="north"))
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=2), waiting)
    assert events(await warehouse.tell(expected(3, day(1))), BackorderPromised) == []
    assert promises(await warehouse.tell(change), waiting) == [day(1)]


@pytest.mark.parametrize("change", [counted(1), adjusted(-1), carried(1, "main", "north")], ids=lambda it: it.TYPE)
async def test_units_that_are_taken_from_the_safety_stock_are_promised_no_more(
    warehouse: Warehouse, change: Message
) -> None:
    waiting = waits(3)
    await warehouse.tell(came(2), DefineLocation(location_id="north"), came(1, at="north"))
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=2), waiting, expected(3, day(1)))
    assert promises(await warehouse.tell(change), waiting) == [None]


async def test_promises_follow_the_safety_stock(warehouse: Warehouse) -> None:
    waiting = waits(3)
    await warehouse.tell(counted(0), waiting, expected(4, day(1)))
    assert promises(await warehouse.tell(DefineProduct(product_id="apple", safety_stock=2)), waiting) == [None]
    assert promises(await warehouse.tell(DefineProduct(product_id="apple", safety_stock=1)), waiting) == [day(1)]


async def test_what_somebody_gives_back_into_the_safety_stock_lets_more_be_promised(warehouse: Warehouse) -> None:
    hold, bought, shipped, waiting = held(apple=1), order(1), order(1), waits(3)
    await warehouse.tell(came(3), hold, bought, shipped, sent(shipped))
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=3), waiting)
    assert events(await warehouse.tell(expected(3, day(1)), expected(2, day(2))), BackorderPromised) == []
    assert promises(await warehouse.tell(ReleaseHold(hold.reservation_id)), waiting) == [day(2)]
    assert events(await warehouse.tell(cancelled(bought)), BackorderPromised) == []
    assert promises(await warehouse.tell(came_back(shipped)), waiting) == [day(1)]


async def test_each_line_has_its_own_promise(warehouse: Warehouse) -> None:
    await warehouse.tell(counted(0), counted(0, "pear"), counted(1, "plum"))
    waiting = order_of("backorder", apple=1, pear=1, plum=1)
    await warehouse.tell(waiting)
    (event,) = events(await warehouse.tell(expected(1, day(2), "pear")), BackorderPromised)
    assert event.lines == (LinePromise("apple"), LinePromise("pear", day(2)))
    (event,) = events(await warehouse.tell(expected(1, day(1))), BackorderPromised)
    assert event.lines == (LinePromise("apple", day(1)), LinePromise("pear", day(2)))
    assert event.revision == 2


async def test_a_promise_is_told_until_orders_has_noted_it(warehouse: Warehouse) -> None:
    waiting = waits(3)
    await warehouse.tell(counted(0), waiting, expected(3, day(1)))
    fact = f"{waiting.order_id}/1"
    assert await warehouse.rows("SELECT fact FROM unanswered_events") == [(fact,)]
    await warehouse.tell(AllocationNoted(order_id=waiting.order_id, revision=1))
    assert await warehouse.rows("SELECT fact FROM unanswered_events") == []


async def test_a_promise_is_told_with_the_delivery_as_its_cause(warehouse: Warehouse) -> None:
    await warehouse.tell(counted(0), counted(0, "pear"), waits(3), order(1, "pear", "backorder"))
    deliveries = [received(expected(3, day(1), name)) for name in ("apple", "pear")]
    effects = await warehouse.tell(*deliveries)
    causes = {
        effect.event.lines[0].product_id: effect.cause
        for effect in effects
        if isinstance(effect, Publish) and isinstance(effect.event, BackorderPromised)
    }
    assert causes == {"apple": deliveries[0], "pear": deliveries[1]}


async def test_a_delivery_and_an_order_at_once_find_each_other(warehouse: Warehouse) -> None:
    await warehouse.tell(counted(0))
    waiting = waits(3)
    async with warehouse.database.transaction() as first:
        await tell(first, waiting)
        second = asyncio.create_task(warehouse.tell(expected(3, day(1))))
        await waits_for_a_lock(warehouse)
    assert promises(await second, waiting) == [day(1)]


UNITS = st.integers(1, 5)
PLACES = st.sampled_from(["main", "north"])


@given(
    queue=st.lists(UNITS, max_size=8),
    coming=st.lists(st.tuples(PLACES, UNITS), max_size=8),
    safety_stock=st.integers(0, 6),
    lacking=st.fixed_dictionaries({"main": st.integers(0, 6), "north": st.integers(0, 6)}),
)
def test_a_line_is_promised_the_day_on_which_it_gets_its_last_unit(
    queue: list[int], coming: list[tuple[str, int]], safety_stock: int, lacking: dict[str, int]
) -> None:
    levels = [
        Level("apple", place, 1, 7 + max(0, safety_stock - lacks), 7, safety_stock) for place, lacks in lacking.items()
    ]
    stock = Stock([Product("apple", safety_stock=safety_stock)], levels)
    waiting = [Waiting(uuid4(), 1, 0, "apple", units, number) for number, units in enumerate(queue)]
    lines = [WaitingLine(row.order_id, 1, "apple", row.units, None) for row in waiting]
    deliveries = [Delivery("apple", place, units, day(number)) for number, (place, units) in enumerate(coming)]
    promised = {line.order_id: line.promised_at for line in promise(lines, deliveries, stock)}
    filled: dict[UUID, datetime] = {}
    for delivery in deliveries:
        stock.level("apple", delivery.location_id).on_hand += delivery.units
        given = Counter[UUID]()
        for each in fill(waiting, stock):
            given[each.waiting.order_id] += each.units
        waiting = [row._replace(units=row.units - given[row.order_id]) for row in waiting]
        filled |= {row.order_id: delivery.expected_at for row in waiting if not row.units}
        waiting = [row for row in waiting if row.units]
    assert promised == filled


def test_only_changes_are_told() -> None:
    kept, moved, lost = (WaitingLine(uuid4(), 1, "apple", 1, day(number)) for number in (1, 1, 1))
    stock = Stock([Product("apple"), Product("pear")], [Level(name, "main", 1, 0, 0, 0) for name in ("apple", "pear")])
    coming = [("apple", 1, day(1)), ("apple", 1, day(2)), ("pear", 9, day(0))]
    deliveries = [Delivery(name, "main", units, on) for name, units, on in coming]
    assert promise([kept, moved, lost], deliveries, stock) == [
        moved._replace(promised_at=day(2)),
        lost._replace(promised_at=None),
    ]


def came_as(incoming_id: object, quantity: int) -> ReceiveStock:
    return replace(came(quantity), incoming_id=incoming_id)
