"""Orders against a plain model of what they promise: any command and any answer, at any time, again, in any company."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from onhand.common.contracts import (
    CreateOrder,
    OrderConfirmed,
    OrderCreated,
    OrderReceipt,
    OrderRejected,
    StockRejected,
    StockReserved,
)
from onhand.common.contracts.inventory import RejectionReason
from onhand.common.contracts.orders import OrderStatus
from onhand.common.database import Database
from onhand.common.messaging.envelope import Answer, Publish, Received
from onhand.common.testing import BlockingDatabase, received
from onhand.orders.handlers import ask_again, create_orders, settle_orders

MINUTE = 60  # the tests' unit of time, and how long an order waits: much longer than any step takes
StockAnswer = StockReserved | StockRejected
QUANTITY = st.integers(1, 9)
OUTCOMES = st.sampled_from([None, *get_args(RejectionReason)])  # None: reserved


@dataclass
class ModelOrder:
    """What is to be stored of an order."""

    created: OrderCreated
    status: OrderStatus = "pending"
    reason: RejectionReason | None = None
    log: list[str] = field(default_factory=lambda: [OrderCreated.TYPE])
    asks: int = 1
    waited: int = 0

    def end(self, answer: StockAnswer) -> OrderConfirmed | OrderRejected:
        event: OrderConfirmed | OrderRejected
        if isinstance(answer, StockReserved):
            self.status, event = "confirmed", OrderConfirmed(order_id=answer.order_id)
        else:
            self.status, self.reason = "rejected", answer.reason
            event = OrderRejected(order_id=answer.order_id, reason=answer.reason)
        self.log.append(event.TYPE)
        return event

    @property
    def is_due(self) -> bool:
        patience = MINUTE * 2 ** min(self.asks - 1, 5)
        return self.status == "pending" and not -MINUTE <= self.waited < patience


def new_command(quantity: int) -> Received[CreateOrder]:
    return received(CreateOrder(uuid4(), "ann", "apple", quantity))


def sent_again(command: Received[CreateOrder]) -> Received[CreateOrder]:
    return received(command.message)


class OrdersMachine(RuleBasedStateMachine):
    commands = Bundle("commands")
    anything = st.one_of(QUANTITY, commands, commands.map(sent_again), st.tuples(commands, OUTCOMES))

    def __init__(self, database: BlockingDatabase) -> None:
        super().__init__()
        self.database = database
        self.orders: dict[UUID, ModelOrder] = {}
        database.run(lambda tx: tx.execute("DELETE FROM orders; DELETE FROM order_events"))

    @initialize(target=commands, quantity=QUANTITY)
    def a_customer_orders(self, quantity: int) -> Received[CreateOrder]:
        return new_command(quantity)

    @rule(target=commands, given=st.lists(anything, min_size=1, max_size=8))
    def a_batch_arrives(
        self, given: Sequence[int | Received[CreateOrder] | tuple[Received[CreateOrder], RejectionReason | None]]
    ) -> MultipleResults[Received[CreateOrder]]:
        """New commands, commands as they were, and answers to commands, which may not have arrived at all."""
        commands, answers = [], []
        for each in given:
            if isinstance(each, tuple):
                command, reason = each
                answers.append(received(stock_answer(command.message, reason)))
            else:
                commands.append(new_command(each) if isinstance(each, int) else each)
        self.commands_arrive(commands)
        self.answers_arrive(answers)
        return multiple(*commands)

    def commands_arrive(self, batch: list[Received[CreateOrder]]) -> None:
        events = []
        for command in batch:
            order = command.message
            if order.order_id not in self.orders:
                event = OrderCreated(order.order_id, order.customer_id, order.product_id, order.quantity)
                self.orders[order.order_id] = ModelOrder(event)
                events.append(event)
        effects = self.database.run(partial(create_orders, batch))
        check_published(effects, events, batch)
        assert [effect for effect in effects if isinstance(effect, Answer)] == [
            Answer(to=command, reply=self.receipt(command.message)) for command in batch
        ]

    def receipt(self, order: CreateOrder) -> OrderReceipt:
        return OrderReceipt(order.order_id, order.product_id, order.quantity, self.orders[order.order_id].status)

    def answers_arrive(self, batch: list[Received[StockAnswer]]) -> None:
        events = []
        for answer in batch:
            order = self.orders.get(answer.message.order_id)
            if order and order.status == "pending":
                events.append(order.end(answer.message))
        check_published(self.database.run(partial(settle_orders, batch)), events, batch)

    @rule(minutes=st.sampled_from([0, 1, 2, 4, 8, 16, 32, -2]))  # below 0: the clock is set back
    def orders_asks_again_after(self, minutes: int) -> None:
        for order in self.orders.values():
            order.waited += minutes * MINUTE
        sql = "UPDATE orders SET asked_at = asked_at - make_interval(mins => $1)"
        self.database.run(lambda tx: tx.execute(sql, minutes))
        due = [order for order in self.orders.values() if order.is_due]
        for order in due:
            order.asks, order.waited = order.asks + 1, 0
        check_published(self.database.run(partial(ask_again, MINUTE)), [order.created for order in due])

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        rows = self.database.run(lambda tx: tx.fetch(STORED))
        assert {row["order_id"]: tuple(row)[1:] for row in rows} == {
            order_id: (order.status, order.reason, len(order.log), order.log, list(range(1, len(order.log) + 1)))
            for order_id, order in self.orders.items()
        }


STORED = """
    SELECT orders.order_id, status, reason, orders.version,
        array_agg(type ORDER BY order_events.version), array_agg(order_events.version ORDER BY order_events.version)
    FROM orders FULL JOIN order_events USING (order_id) GROUP BY orders.order_id
"""


def stock_answer(order: CreateOrder, reason: RejectionReason | None) -> StockAnswer:
    if reason is None:
        return StockReserved(order.order_id)
    return StockRejected(order.order_id, reason, requested=order.quantity, available=0)


def check_published(effects: Sequence[object], events: Sequence[Any], batch: Sequence[Received[Any]] = ()) -> None:
    """Each event once, and each for a message of the batch about the same order."""
    publishes: list[Any] = [effect for effect in effects if isinstance(effect, Publish)]
    assert Counter(publish.event for publish in publishes) == Counter(events)
    for publish in publishes if batch else ():
        assert publish.cause in batch
        assert publish.cause.envelope.subject == str(publish.event.order_id)


@pytest.mark.timeout(600)  # a failure is made as small as can be before it is told
def test_orders_does_what_its_model_does(orders_database: Database, loop: asyncio.AbstractEventLoop) -> None:
    run_state_machine_as_test(
        lambda: OrdersMachine(BlockingDatabase(orders_database, loop))  # type: ignore[arg-type]  # a function will do
    )
