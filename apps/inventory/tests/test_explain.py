"""Explanations: each number is the sum of what is listed, now and at any moment of the past."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from onhand.common.contracts import (
    DefineLocation,
    DefineProduct,
    ExplainedBackorder,
    ExplainedIncoming,
    ExplainedMovement,
    ExplainedReservation,
    ExplainStock,
    HoldStock,
    Line,
    Message,
    OrderCancelled,
    OrderCreated,
    OrderFulfilled,
    OrderReturned,
    ReleaseHold,
    RequestRefused,
    StockExplanation,
)
from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Received, wrap
from onhand.common.testing import BlockingDatabase
from warehouse import (
    Warehouse,
    adjusted,
    came,
    carried,
    counted,
    day,
    expected,
    order,
    replies,
    tell,
)


@pytest.fixture
async def warehouse(inventory_database: Database) -> Warehouse:
    """With a second location, which serves after the first."""
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(DefineLocation(location_id="north", priority=200))
    return warehouse


def sent(wanted: OrderCreated, quantity: int) -> OrderFulfilled:
    lines = tuple(replace(line, quantity=quantity) for line in wanted.lines)
    return OrderFulfilled(order_id=wanted.order_id, fulfilment_id=uuid4(), lines=lines)


def sent_back(wanted: OrderCreated, quantity: int) -> OrderReturned:
    lines = tuple(replace(line, quantity=quantity) for line in wanted.lines)
    return OrderReturned(order_id=wanted.order_id, return_id=uuid4(), lines=lines)


def cancelled(wanted: OrderCreated) -> OrderCancelled:
    return OrderCancelled(order_id=wanted.order_id, lines=wanted.lines)


def held(quantity: int) -> HoldStock:
    return HoldStock(reservation_id=uuid4(), lines=(Line("apple", quantity),), ttl_seconds=600)


class Numbers(NamedTuple):
    """What is told of a product: over all locations, and at each."""

    on_hand: int
    reserved: int
    locations: dict[str, tuple[int, int, int, int]]
    waiting: list[tuple[UUID, int]]


def numbers_of(explanation: StockExplanation) -> Numbers:
    """The numbers that an explanation tells, after adding up what it lists."""
    check_sums(explanation)
    return Numbers(
        explanation.on_hand,
        explanation.reserved,
        {
            level.location_id: (level.on_hand, level.reserved, level.incoming, level.safety_stock)
            for level in explanation.locations
            if level.on_hand or level.reserved or level.incoming
        },
        [(backorder.order_id, backorder.quantity) for backorder in explanation.backorders],
    )


def check_sums(explanation: StockExplanation) -> None:
    """Check that each number is the sum of what is listed; the lists must not be cut off."""
    on_hand, reserved, incoming = Counter[str](), Counter[str](), Counter[str]()
    for movement in explanation.movements:
        on_hand[movement.location_id] += movement.quantity
    for reservation in explanation.reservations:
        reserved[reservation.location_id] += reservation.quantity
    for delivery in explanation.incoming:
        incoming[delivery.location_id] += delivery.quantity
    for level in explanation.locations:
        place = level.location_id
        assert (level.on_hand, level.reserved, level.incoming) == (on_hand[place], reserved[place], incoming[place])
        assert level.available == level.on_hand - level.reserved
    assert explanation.on_hand == on_hand.total()
    assert explanation.reserved == reserved.total()
    assert explanation.available == explanation.on_hand - explanation.reserved
    assert explanation.movement_count == len(explanation.movements)
    assert explanation.reservation_count == len(explanation.reservations)
    assert explanation.backorder_count == len(explanation.backorders)
    assert explanation.incoming_count == len(explanation.incoming)


async def test_the_numbers_are_those_of_the_stock(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=1))
    await warehouse.tell(came(5), came(4, at="north"), expected(3, at="north"), order(2), held(1))
    explanation = await warehouse.explain()
    check_sums(explanation)
    level = await warehouse.stock()
    assert (explanation.on_hand, explanation.reserved, explanation.available) == (
        level.on_hand,
        level.reserved,
        level.available,
    )
    assert explanation.locations == level.locations


async def test_each_movement_is_listed_the_newest_first(warehouse: Warehouse) -> None:
    command = replace(came(5), reason="new", reference="note 7", idempotency_key="k1")
    await warehouse.tell(Received(command, wrap(command, source="/test", actor="ann")), adjusted(-1))
    explanation = await warehouse.explain()
    adjustment, receipt = explanation.movements
    assert (adjustment.type, adjustment.quantity, adjustment.on_hand) == ("adjust", -1, 4)
    assert receipt == ExplainedMovement(
        command.movement_id,
        "receive",
        "main",
        5,
        5,
        receipt.at,
        reason="new",
        reference="note 7",
        actor="ann",
        idempotency_key="k1",
    )
    assert receipt.at <= explanation.at <= await warehouse.now()


async def test_orders_and_holds_are_told_apart(warehouse: Warehouse) -> None:
    wanted, hold = order(2), held(1)
    await warehouse.tell(came(5))
    await warehouse.tell(wanted)
    await warehouse.tell(hold)
    first, second = (await warehouse.explain()).reservations
    assert first == ExplainedReservation("hold", hold.reservation_id, "main", 1, 3, first.at)
    assert second == ExplainedReservation("order", wanted.order_id, "main", 2, 5, second.at)


async def test_an_order_that_is_split_is_said_to_be(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5), came(5, at="north"))
    await warehouse.tell(order(7))
    await warehouse.tell(order(1))
    assert [(each.location_id, each.quantity, each.is_split) for each in (await warehouse.explain()).reservations] == [
        ("north", 1, False),
        ("main", 5, True),
        ("north", 2, True),
    ]


async def test_what_was_sent_is_no_reservation_but_a_sale(warehouse: Warehouse) -> None:
    wanted = order(3)
    await warehouse.tell(came(5), wanted, sent(wanted, 2))
    explanation = await warehouse.explain()
    check_sums(explanation)
    assert [(each.quantity) for each in explanation.reservations] == [1]
    assert next((each.type, each.quantity, each.order_id) for each in explanation.movements) == (
        "sale",
        -2,
        wanted.order_id,
    )
    await warehouse.tell(sent(wanted, 1), sent_back(wanted, 1))
    explanation = await warehouse.explain()
    check_sums(explanation)
    assert explanation.reservations == ()
    assert explanation.on_hand == 3


async def test_those_that_wait_are_listed_in_the_order_in_which_they_are_served(warehouse: Warehouse) -> None:
    first, second = order(3, policy="backorder"), order(1, policy="backorder")
    await warehouse.tell(came(1))
    await warehouse.tell(first)
    await warehouse.tell(second, expected(2, day(1)))
    backorders = (await warehouse.explain()).backorders
    assert backorders == (
        ExplainedBackorder(first.order_id, 2, backorders[0].at, day(1)),
        ExplainedBackorder(second.order_id, 1, backorders[1].at),
    )


async def test_what_is_expected_is_listed_by_its_day(warehouse: Warehouse) -> None:
    late, soon = expected(2, day(2)), replace(expected(3, day(1), at="north"), reference="ship 7")
    await warehouse.tell(late, soon)
    assert (await warehouse.explain()).incoming == (
        ExplainedIncoming(soon.incoming_id, "north", 3, day(1), "ship 7"),
        ExplainedIncoming(late.incoming_id, "main", 2, day(2)),
    )


async def test_lists_are_cut_off_and_sums_are_not(warehouse: Warehouse) -> None:
    await warehouse.tell(*(came(1) for _ in range(5)))
    await warehouse.tell(*(order(1) for _ in range(5)))
    await warehouse.tell(*(order(1, policy="backorder") for _ in range(4)))
    await warehouse.tell(*(expected(1) for _ in range(3)))
    explanation = await warehouse.explain(limit=2)
    lists = (explanation.movements, explanation.reservations, explanation.backorders, explanation.incoming)
    assert [len(each) for each in lists] == [2, 2, 2, 2]
    assert (explanation.on_hand, explanation.reserved) == (5, 5)
    assert (explanation.movement_count, explanation.reservation_count) == (5, 5)
    assert (explanation.backorder_count, explanation.incoming_count) == (4, 3)
    newest = (await warehouse.explain()).movements[:2]
    assert explanation.movements == newest


async def test_a_product_nobody_knows_has_nothing_to_explain(warehouse: Warehouse) -> None:
    reply = await warehouse.reply(ExplainStock(product_id="unicorn"))
    assert isinstance(reply, RequestRefused)
    assert reply.code == "product-not-found"


async def test_before_all_there_was_nothing(warehouse: Warehouse) -> None:
    before = await warehouse.now()
    await warehouse.tell(came(5), order(1))
    explanation = await warehouse.explain(at=before)
    assert numbers_of(explanation) == Numbers(0, 0, {}, [])
    assert explanation.at == before


async def test_a_moment_that_is_still_to_come_is_now(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5), order(1))
    await warehouse.tell(order(6, policy="backorder"), expected(2, day(1)))
    explanation = await warehouse.explain(at=day(0))
    assert numbers_of(explanation) == numbers_of(await warehouse.explain())
    assert [backorder.promised_at for backorder in explanation.backorders] == [day(1)]
    assert explanation.at <= await warehouse.now()


async def test_one_batch_may_ask_for_several_products_and_moments(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5), came(2, "pear"))
    then = await warehouse.now()
    await warehouse.tell(came(1))
    queries = [
        ExplainStock(product_id="pear"),
        ExplainStock(product_id="unicorn"),
        ExplainStock(product_id="apple", at=then),
        ExplainStock(product_id="apple", limit=1),
        ExplainStock(product_id="apple", at=then - timedelta(days=1)),
    ]
    answers = replies(await warehouse.tell(*queries))
    told = [answer.on_hand if isinstance(answer, StockExplanation) else None for answer in answers]
    assert told == [2, None, 5, 6, 0]


async def test_what_was_kept_from_orders_then_is_told_of_then(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5), DefineProduct(product_id="apple", safety_stock=2))
    then = await warehouse.now()
    await warehouse.tell(DefineProduct(product_id="apple", safety_stock=3))
    assert [level.safety_stock for level in (await warehouse.explain(at=then)).locations] == [2]
    assert [level.safety_stock for level in (await warehouse.explain()).locations] == [3]


async def test_what_was_sent_since_was_reserved_then(warehouse: Warehouse) -> None:
    wanted = order(7, policy="backorder")
    await warehouse.tell(came(3), wanted)
    await warehouse.tell(came(4))  # a second row of the order, at the same location
    then = [await warehouse.now()]
    for units in (2, 3, 2):
        await warehouse.tell(sent(wanted, units))
        then.append(await warehouse.now())
    told = [await warehouse.explain(at=moment) for moment in then]
    assert [(numbers_of(each).on_hand, numbers_of(each).reserved) for each in told] == [(7, 7), (5, 5), (2, 2), (0, 0)]
    assert [[each.quantity for each in explanation.reservations] for explanation in told] == [[4, 3], [4, 1], [2], []]


async def test_what_was_given_back_since_was_reserved_then(warehouse: Warehouse) -> None:
    wanted, waiting, hold = order(2), order(2, policy="backorder"), held(1)
    await warehouse.tell(came(3), hold, wanted, waiting)
    then = await warehouse.now()
    await warehouse.tell(ReleaseHold(reservation_id=hold.reservation_id))
    later = await warehouse.now()
    await warehouse.tell(cancelled(wanted))
    assert numbers_of(await warehouse.explain(at=then)).waiting == [(waiting.order_id, 2)]
    assert {each.holder_id for each in (await warehouse.explain(at=then)).reservations} == {
        hold.reservation_id,
        wanted.order_id,
    }
    assert numbers_of(await warehouse.explain(at=later)).waiting == [(waiting.order_id, 1)]
    now = await warehouse.explain()
    assert numbers_of(now).waiting == []
    assert [each.quantity for each in now.reservations] == [1, 1]


async def test_who_gave_up_since_was_waiting_then(warehouse: Warehouse) -> None:
    waiting = order(2, policy="backorder")
    await warehouse.tell(counted(0), waiting, expected(2, day(1)))
    then = await warehouse.now()
    await warehouse.tell(cancelled(waiting))
    (backorder,) = (await warehouse.explain(at=then)).backorders
    assert backorder == ExplainedBackorder(waiting.order_id, 2, backorder.at)
    later = await warehouse.now()
    for explanation in (await warehouse.explain(), await warehouse.explain(at=later)):
        assert explanation.backorders == ()


async def test_what_was_expected_then_is_told_as_it_was_then(warehouse: Warehouse) -> None:
    delivery = expected(5, day(1))
    await warehouse.tell(delivery)
    then = [await warehouse.now()]
    await warehouse.tell(replace(delivery, location_id="north"), replace(delivery, quantity=4, location_id="north"))
    then.append(await warehouse.now())
    await warehouse.tell(replace(came(4), incoming_id=delivery.incoming_id))
    told = [(await warehouse.explain(at=moment)).incoming for moment in then]
    assert [[(each.location_id, each.quantity) for each in incoming] for incoming in told] == [
        [("main", 5)],
        [("north", 4)],
    ]
    assert (await warehouse.explain()).incoming == ()


async def test_an_explanation_adds_up_while_stock_moves(warehouse: Warehouse) -> None:
    await warehouse.tell(came(1000))

    async def trade() -> None:
        for _ in range(30):
            wanted = order(2)
            await warehouse.tell(wanted, adjusted(1))
            await warehouse.tell(sent(wanted, 1))

    trading = [asyncio.create_task(trade()) for _ in range(2)]
    while not all(task.done() for task in trading):
        check_sums(await warehouse.explain(limit=1000))
    await asyncio.gather(*trading)
    await warehouse.check()


UNITS = st.integers(0, 20)
STEPS = st.lists(st.tuples(st.integers(0, 15), UNITS, UNITS), min_size=8, max_size=25)
PLACES = ("main", "north")


class Trade:
    """A trade in apples: each step is a message, about an order or a hold that was made before if it needs one."""

    def __init__(self) -> None:
        self.orders: list[OrderCreated] = []
        self.holds: list[HoldStock] = []
        self.incoming_ids = [uuid4(), uuid4()]

    async def step(self, kind: int, number: int, units: int, tx: Transaction) -> None:
        match kind:
            case 0 | 1 | 2 | 3 | 4 | 5 | 6:
                message: Message | None = self._move(kind, PLACES[number % 2], units)
            case 7 | 8:
                message = order(units + 1, policy="backorder" if number % 2 else "ship-available")
                self.orders.append(message)
            case 9:
                message = held(units + 1)
                self.holds.append(message)
            case 10 if self.holds:
                message = ReleaseHold(reservation_id=self.holds[number % len(self.holds)].reservation_id)
            case 11 | 12 | 13 | 14 | 15 if self.orders:
                message = await self._later(tx, self.orders[number % len(self.orders)], kind, units)
            case _:
                message = None
        if message is not None:
            await tell(tx, message)

    def _move(self, kind: int, place: str, units: int) -> Message:
        delivery = replace(expected(units, day(units), at=place), incoming_id=self.incoming_ids[units % 2])
        moves = [
            came(units + 1, at=place),
            replace(came(units + 1, at=place), incoming_id=delivery.incoming_id),
            adjusted(units - 10, at=place),
            counted(units, at=place),
            carried(units + 1, place, PLACES[1 - PLACES.index(place)]),
            delivery,
            DefineProduct(product_id="apple", safety_stock=units // 4),
        ]
        return moves[kind]

    async def _later(self, tx: Transaction, wanted: OrderCreated, kind: int, units: int) -> Message | None:
        """What becomes of an order, as far as Orders would let it: it is sent, comes back or is cancelled."""
        granted, shipped = await tx.fetchrow(
            """
            SELECT coalesce(sum(granted), 0), coalesce(sum(shipped), 0) FROM reservations
            WHERE holder_id = $1 AND released_at IS NULL
            """,
            wanted.order_id,
        )
        if kind > 12 and granted > shipped:
            return sent(wanted, min(units + 1, granted - shipped))
        if shipped:
            return sent_back(wanted, min(units + 1, shipped))
        return cancelled(wanted)


async def begin(tx: Transaction) -> None:
    for table in ("movements", "stock_levels", "incoming", "definitions", "products", "reservations", "holds"):
        await tx.execute(f"DELETE FROM {table}")  # noqa: S608  # one of those above
    await tell(tx, DefineLocation(location_id="north", priority=200), came(1))


async def stored(tx: Transaction) -> tuple[datetime, Numbers]:
    """What the tables say, and when."""
    levels = await tx.fetch(
        """
        SELECT location_id, on_hand, reserved, coalesce((
            SELECT sum(quantity) FROM incoming
            WHERE incoming.location_id = stock_levels.location_id AND replaced_at IS NULL
        ), 0), safety_stock FROM stock_levels JOIN products USING (product_id)
        """
    )
    waiting = await tx.fetch("SELECT holder_id, waiting FROM reservations WHERE waiting > 0 ORDER BY queue_no")
    numbers = Numbers(
        sum(on_hand for _, on_hand, _, _, _ in levels),
        sum(reserved for _, _, reserved, _, _ in levels),
        {place: (*counts, safety_stock) for place, *counts, safety_stock in levels if any(counts)},
        [tuple(row) for row in waiting],
    )
    return await tx.fetchval("SELECT clock_timestamp()"), numbers


async def explained(moments: list[datetime], tx: Transaction) -> list[Numbers]:
    queries = [ExplainStock(product_id="apple", at=moment, limit=1000) for moment in moments]
    answers = replies(await tell(tx, *queries, ExplainStock(product_id="apple", limit=1000)))
    return [numbers_of(answer) for answer in answers if isinstance(answer, StockExplanation)]


@pytest.mark.timeout(600)  # a failure is made as small as can be before it is told
def test_each_moment_is_explained_as_it_was(inventory_database: Database, loop: asyncio.AbstractEventLoop) -> None:
    database = BlockingDatabase(inventory_database, loop)

    @given(STEPS)
    def trade(steps: list[tuple[int, int, int]]) -> None:
        database.run(begin)
        trade = Trade()
        then = [database.run(stored)]
        for step in steps:
            database.run(partial(trade.step, *step))
            then.append(database.run(stored))
        moments = [moment for moment, _ in then]
        numbers = [told for _, told in then]
        assert database.run(partial(explained, moments)) == [*numbers, numbers[-1]]

    trade()
