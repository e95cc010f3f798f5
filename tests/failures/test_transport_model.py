"""Orders and Inventory over a plain model of a transport: a bag of messages.

It delivers any of them, again, late, in any order, in any company, or not at all. Handlers and databases are the real
ones. When all has been well for a while, `onhand verify` must find nothing wrong.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from onhand.cli.verification.findings import Finding
from onhand.cli.verification.snapshots import Books
from onhand.cli.verification.stories import judge
from onhand.cli.verification.tables import check_tables
from onhand.common.contracts import (
    AdjustStock,
    CancelOrder,
    CreateOrder,
    FulfilOrder,
    HoldStock,
    Line,
    Message,
    OrderReceipt,
    ReceiveStock,
    ReleaseHold,
    ReturnOrder,
    SetStock,
    TransferStock,
)
from onhand.common.contracts.orders import Policy
from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Effect, Publish, Received
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.testing import BlockingDatabase, received
from onhand.inventory.subscriptions import SUBSCRIPTIONS as OF_INVENTORY
from onhand.inventory.subscriptions import timers as timers_of_inventory
from onhand.orders.subscriptions import SUBSCRIPTIONS as OF_ORDERS
from onhand.orders.subscriptions import timers as timers_of_orders

Fate = Literal["acknowledged", "killed before commit", "killed after commit", "killed after publishing"]
FATES = st.sampled_from(get_args(Fate))
WISHES = st.sampled_from(["cancel", "fulfil", "return", "return for good"])
UNITS = st.integers(1, 4)
PRODUCTS = st.sampled_from(["apple", "pear"])
LOCATIONS = st.sampled_from(["main", "east"])
HOLDS = st.sampled_from([UUID(int=1), UUID(int=2), UUID(int=3)])
LINES = st.lists(st.builds(Line, PRODUCTS, UNITS), min_size=1, max_size=2, unique_by=lambda line: line.product_id)
NEW_IDS = st.builds(uuid4)
HOLD = st.builds(HoldStock, reservation_id=HOLDS, lines=LINES.map(tuple), ttl_seconds=st.just(60))
STOCK_COMMANDS = st.one_of(
    st.builds(SetStock, movement_id=NEW_IDS, product_id=PRODUCTS, on_hand=st.integers(0, 9), location_id=LOCATIONS),
    st.builds(ReceiveStock, movement_id=NEW_IDS, product_id=PRODUCTS, quantity=UNITS, location_id=LOCATIONS),
    st.builds(AdjustStock, movement_id=NEW_IDS, product_id=PRODUCTS, quantity=st.just(-1), location_id=LOCATIONS),
    st.builds(
        TransferStock,
        movement_id=NEW_IDS,
        product_id=PRODUCTS,
        quantity=UNITS,
        from_location_id=st.just("main"),
        to_location_id=st.just("east"),
    ),
    HOLD,
    st.builds(ReleaseHold, reservation_id=HOLDS),
)
ORDER = st.builds(
    CreateOrder,
    order_id=NEW_IDS,
    customer_id=st.just("ann"),
    lines=LINES.map(tuple),
    policy=st.sampled_from([*get_args(Policy), "backorder"]),
)
ORDER_WITH_HOLD = st.builds(
    CreateOrder, order_id=NEW_IDS, customer_id=st.just("ann"), lines=LINES.map(tuple), reservation_id=HOLDS
)
LEAST_STEPS = 30
"""An order goes a long way; with fewer steps hardly any is sent off, and hardly any waits and gets its units."""
MOST_ROUNDS = 40
"""More messages in a row than there can be from one to the last that follows from it."""
HOLDS_ARE_OVER = "UPDATE holds SET expires_at = expires_at - interval '1 day' WHERE state = 'active'"
ORDERS_WAIT = "UPDATE asked_orders SET asked_at = asked_at - interval '1 day'"
EVENTS_WAIT = "UPDATE unanswered_events SET asked_at = asked_at - interval '1 day'"


class Killed(Exception):
    """The process died in its transaction."""


class Service(NamedTuple):
    """One of the two, without its consumer."""

    database: BlockingDatabase
    subscriptions: Sequence[Subscription]

    def takes(self, message: Message) -> bool:
        return isinstance(message, tuple(subscription.message for subscription in self.subscriptions))

    async def handle(self, batch: Sequence[Received[Any]], dies: bool, tx: Transaction) -> list[Effect]:
        """What the consumer makes of a batch: the handlers in the order of the subscriptions, in one transaction."""
        effects: list[Effect] = []
        for subscription in self.subscriptions:
            if messages := [each for each in batch if isinstance(each.message, subscription.message)]:
                effects += await subscription.handler(messages, tx)
        if dies:
            raise Killed
        return effects


class TransportMachine(RuleBasedStateMachine):
    def __init__(self, orders: Database, inventory: Database, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.books, self.loop = Books(orders, inventory), loop
        self.orders = Service(BlockingDatabase(orders, loop), OF_ORDERS)
        self.inventory = Service(BlockingDatabase(inventory, loop), OF_INVENTORY)
        self.in_flight: list[Received[Any]] = []
        self.order_ids: list[UUID] = []
        self.receipts: set[UUID] = set()
        self.orders.database.run(lambda tx: tx.execute(EMPTY_ORDERS))
        self.inventory.database.run(lambda tx: tx.execute(EMPTY_INVENTORY))

    @initialize(units=st.lists(st.integers(0, 12), min_size=4, max_size=4), holds=st.lists(HOLD, max_size=3))
    def there_is_some_stock(self, units: list[int], holds: list[HoldStock]) -> None:
        places = ((product_id, location_id) for product_id in ("apple", "pear") for location_id in ("main", "east"))
        stock = [
            SetStock(movement_id=uuid4(), product_id=product_id, on_hand=on_hand, location_id=location_id)
            for (product_id, location_id), on_hand in zip(places, units, strict=True)
        ]
        self.send(stock, "acknowledged")
        self.send(holds, "acknowledged")

    def teardown(self) -> None:
        self.all_is_well_for_a_while()

    @rule(orders=st.lists(ORDER | ORDER_WITH_HOLD, min_size=1, max_size=4), fate=FATES)
    def people_order(self, orders: list[CreateOrder], fate: Fate) -> None:
        self.order_ids += [order.order_id for order in orders]
        self.send(orders, fate)

    @rule(commands=st.lists(STOCK_COMMANDS, min_size=1, max_size=3), fate=FATES)
    def people_move_and_hold_stock(self, commands: list[Message], fate: Fate) -> None:
        self.send(commands, fate)

    @precondition(lambda self: self.order_ids)
    @rule(picks=st.lists(st.tuples(st.integers(0, 9), WISHES), min_size=1, max_size=3), fate=FATES)
    def people_want_something_of_their_orders(self, picks: list[tuple[int, str]], fate: Fate) -> None:
        self.send([wish_for(self.order_ids[pick % len(self.order_ids)], wish) for pick, wish in picks], fate)

    @precondition(lambda self: self.in_flight)
    @rule(picks=st.lists(st.integers(0, 20), min_size=1, max_size=8), fate=FATES)
    def some_messages_arrive(self, picks: list[int], fate: Fate) -> None:
        self.deliver([self.in_flight[pick % len(self.in_flight)] for pick in picks], fate)

    @precondition(lambda self: self.in_flight)
    @rule(fate=FATES, rounds=st.integers(1, 4))
    def all_messages_arrive_with_what_follows(self, fate: Fate, rounds: int) -> None:
        for _ in range(rounds):
            self.deliver(self.in_flight.copy(), fate)
            fate = "acknowledged"

    @rule(what=st.sampled_from(["redis forgets", "holds are over", "time passes", "time passes"]))
    def something_happens(self, what: str) -> None:
        match what:
            case "redis forgets":
                self.in_flight.clear()
            case "holds are over":
                self.inventory.database.run(lambda tx: tx.execute(HOLDS_ARE_OVER))
            case _:
                self.time_passes()

    def time_passes(self) -> None:
        """Whatever is not answered is told again."""
        self.orders.database.run(lambda tx: tx.execute(f"{ORDERS_WAIT}; {EVENTS_WAIT}"))
        self.inventory.database.run(lambda tx: tx.execute(EVENTS_WAIT))
        for service, timers in ((self.orders, timers_of_orders(3.0)), (self.inventory, timers_of_inventory(3.0))):
            for timer in timers:
                self.tell(service.database.run(timer.work))

    @rule()
    def all_is_well_for_a_while(self) -> None:
        """Whatever happened: telling it once more is enough, and then everything is answered and right."""
        for _ in range(2):  # what was promised of an order that was still pending comes again
            self.time_passes()
            for _ in range(MOST_ROUNDS):
                if self.in_flight:
                    self.deliver(self.in_flight.copy(), "acknowledged")
            assert self.in_flight == []
        assert self.loop.run_until_complete(wrong(self.books)) == []

    def send(self, commands: Sequence[Message], fate: Fate) -> None:
        """Commands mostly arrive at once, as people wait for the answer; what follows from them is on its way."""
        sent = [received(command) for command in commands]
        self.in_flight += sent
        self.deliver(sent, fate)

    def deliver(self, batch: Sequence[Received[Any]], fate: Fate) -> None:
        for service in (self.orders, self.inventory):
            taken = [each for each in batch if service.takes(each.message)]
            with suppress(Killed):
                effects = service.database.run(partial(service.handle, taken, fate == "killed before commit"))
                if fate != "killed after commit":
                    self.tell(effects)
        if fate == "acknowledged":
            self.in_flight = [each for each in self.in_flight if each not in batch]

    def tell(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Publish):
                if self.orders.takes(effect.event) or self.inventory.takes(effect.event):
                    self.in_flight.append(received(effect.event))
            elif isinstance(effect.reply, OrderReceipt):
                self.receipts.add(effect.reply.order_id)

    @invariant()
    def every_order_with_a_receipt_is_stored(self) -> None:
        rows = self.orders.database.run(lambda tx: tx.fetch("SELECT order_id FROM orders"))
        assert {row["order_id"] for row in rows} >= self.receipts

    @invariant()
    def nothing_is_oversold(self) -> None:
        for on_hand, reserved, held, moved in self.inventory.database.run(lambda tx: tx.fetch(LEVELS)):
            assert held == reserved <= on_hand == moved


def wish_for(order_id: UUID, wish: str) -> Message:
    """The command for what somebody wants of an order."""
    match wish:
        case "cancel":
            return CancelOrder(order_id=order_id)
        case "fulfil":
            return FulfilOrder(order_id=order_id, fulfilment_id=uuid4())
        case _:
            return ReturnOrder(order_id=order_id, return_id=uuid4(), restock=wish == "return")


async def wrong(books: Books) -> list[Finding]:
    """What `onhand verify` finds wrong at this moment."""
    async with books.snapshot() as snapshot:
        found = await check_tables(snapshot)
        found.add([finding async for stories in snapshot.stories() for story in stories for finding in judge(story)])
        for tx in (snapshot.orders, snapshot.inventory):
            rows = await tx.fetch("SELECT fact FROM unanswered_events")
            found.add(Finding("I5", row["fact"], "is not answered") for row in rows)
    return [finding for kept in found.kept.values() for finding in kept]


EMPTY_ORDERS = """
    DELETE FROM orders; DELETE FROM asked_orders; DELETE FROM order_events; DELETE FROM order_changes;
    DELETE FROM order_products; DELETE FROM unanswered_events
"""
EMPTY_INVENTORY = """
    DELETE FROM reservations; DELETE FROM holds; DELETE FROM movements; DELETE FROM stock_levels;
    DELETE FROM definitions; DELETE FROM products; DELETE FROM inbox; DELETE FROM unanswered_events;
    INSERT INTO locations (location_id, priority) VALUES ('east', 50) ON CONFLICT DO NOTHING
"""
LEVELS = """
    SELECT on_hand, reserved, (
        SELECT coalesce(sum(granted - shipped), 0) FROM reservations
        WHERE reservations.product_id = stock_levels.product_id
          AND reservations.location_id = stock_levels.location_id AND released_at IS NULL
    ), (
        SELECT coalesce(sum(quantity), 0) FROM movements
        WHERE movements.product_id = stock_levels.product_id AND movements.location_id = stock_levels.location_id
    ) FROM stock_levels
"""


@pytest.mark.timeout(600)  # a failure is made as small as can be before it is told
def test_orders_and_inventory_agree_whatever_happens_to_their_messages(
    orders_database: Database, inventory_database: Database, loop: asyncio.AbstractEventLoop
) -> None:
    run_state_machine_as_test(
        lambda: TransportMachine(orders_database, inventory_database, loop),  # type: ignore[arg-type]  # a function will do
        settings=settings(stateful_step_count=max(LEAST_STEPS, settings().stateful_step_count)),
    )
