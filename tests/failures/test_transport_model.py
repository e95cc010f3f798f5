"""Orders and Inventory over a plain model of a transport: a bag of messages.

It delivers any of them, again, late, in any order, in any company, or not at all. Handlers and databases are the real
ones.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from onhand.common.contracts import CreateOrder, Message, OrderConfirmed, OrderReceipt, OrderRejected, SetStock
from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Effect, Publish, Received
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.testing import BlockingDatabase, received
from onhand.inventory.subscriptions import SUBSCRIPTIONS as OF_INVENTORY
from onhand.orders.handlers import ask_again
from onhand.orders.subscriptions import SUBSCRIPTIONS as OF_ORDERS

Fate = Literal["acknowledged", "killed before commit", "killed after commit", "killed after publishing"]
PRODUCTS = st.sampled_from(["apple", "pear"])
SET_STOCK = st.builds(SetStock, product_id=PRODUCTS, on_hand=st.integers(0, 9))
CREATE_ORDER = st.builds(
    CreateOrder,
    order_id=st.builds(uuid4),
    customer_id=st.just("ann"),
    product_id=PRODUCTS,
    quantity=st.integers(1, 4),
)
PLACES_ON_THE_WAY = 4  # from CreateOrder to OrderConfirmed


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
    def __init__(self, orders: BlockingDatabase, inventory: BlockingDatabase) -> None:
        super().__init__()
        self.orders, self.inventory = Service(orders, OF_ORDERS), Service(inventory, OF_INVENTORY)
        self.in_flight: list[Received[Any]] = []
        self.receipts: set[UUID] = set()
        self.endings: dict[UUID, Message] = {}
        orders.run(lambda tx: tx.execute("DELETE FROM orders; DELETE FROM order_events"))
        inventory.run(lambda tx: tx.execute("DELETE FROM stock; DELETE FROM reservations; DELETE FROM inbox"))

    @rule(messages=st.lists(SET_STOCK | CREATE_ORDER, min_size=1, max_size=5))
    def people_send(self, messages: list[Message]) -> None:
        self.in_flight += [received(message) for message in messages]

    @precondition(lambda self: self.in_flight)
    @rule(picks=st.lists(st.integers(0, 20), min_size=1, max_size=8), fate=st.sampled_from(get_args(Fate)))
    def some_messages_arrive(self, picks: list[int], fate: Fate) -> None:
        self.deliver([self.in_flight[pick % len(self.in_flight)] for pick in picks], fate)

    @rule()
    def redis_loses_everything(self) -> None:
        self.in_flight.clear()

    @rule()
    def orders_asks_again(self) -> None:
        self.orders.database.run(lambda tx: tx.execute("UPDATE orders SET asked_at = asked_at - interval '1 day'"))
        self.tell(self.orders.database.run(partial(ask_again, 3.0)))

    @rule()
    def all_is_well_for_a_while(self) -> None:
        """Whatever happened: asking once more is enough, and everything is answered."""
        self.orders_asks_again()
        for _ in range(PLACES_ON_THE_WAY):
            self.deliver(self.in_flight.copy(), "acknowledged")
        assert self.in_flight == []
        assert self.outcomes() == self.decisions()

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
            if not isinstance(effect, Publish):
                if isinstance(effect.reply, OrderReceipt):
                    self.receipts.add(effect.reply.order_id)
            elif isinstance(effect.event, OrderConfirmed | OrderRejected):
                assert effect.event.order_id not in self.endings
                self.endings[effect.event.order_id] = effect.event
            else:
                self.in_flight.append(received(effect.event))

    def outcomes(self) -> dict[UUID, str]:
        """How each order stands, by Orders."""
        sql = "SELECT order_id, coalesce(reason, status) FROM orders"
        return dict(self.orders.database.run(lambda tx: tx.fetch(sql)))

    def decisions(self) -> dict[UUID, str]:
        """How each order ends, by Inventory."""
        sql = "SELECT order_id, coalesce(reason, 'confirmed') FROM reservations"
        return dict(self.inventory.database.run(lambda tx: tx.fetch(sql)))

    @invariant()
    def every_order_with_a_receipt_is_stored_and_none_ends_but_as_inventory_decided(self) -> None:
        outcomes = self.outcomes()
        assert outcomes.keys() >= self.receipts
        ended = {order_id: outcome for order_id, outcome in outcomes.items() if outcome != "pending"}
        assert ended.items() <= self.decisions().items()
        assert ended.keys() >= self.endings.keys()

    @invariant()
    def nothing_is_oversold(self) -> None:
        for on_hand, reserved, sold in self.inventory.database.run(lambda tx: tx.fetch(LEVELS)):
            assert sold == reserved <= on_hand


LEVELS = """
    SELECT on_hand, reserved, (
        SELECT coalesce(sum(quantity), 0) FROM reservations
        WHERE reservations.product_id = stock.product_id AND reason IS NULL
    ) FROM stock
"""


@pytest.mark.timeout(600)  # a failure is made as small as can be before it is told
def test_orders_and_inventory_agree_whatever_happens_to_their_messages(
    orders_database: Database, inventory_database: Database, loop: asyncio.AbstractEventLoop
) -> None:
    orders, inventory = (BlockingDatabase(database, loop) for database in (orders_database, inventory_database))
    run_state_machine_as_test(
        lambda: TransportMachine(orders, inventory)  # type: ignore[arg-type]  # a function will do
    )
