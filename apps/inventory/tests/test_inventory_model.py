"""Inventory against a plain model of its promises: any command and order, at any time, again, in any company."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from onhand.common.contracts import (
    Message,
    OrderCreated,
    RequestRefused,
    SetStock,
    StockLevel,
    StockRejected,
    StockReserved,
)
from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Answer, Received
from onhand.common.testing import BlockingDatabase, received
from onhand.inventory.handlers import reserve_stock, set_stock

SET_STOCK = st.builds(SetStock, product_id=st.sampled_from(["apple", "pear"]), on_hand=st.integers(0, 9))
ORDER_CREATED = st.builds(
    OrderCreated,
    order_id=st.builds(uuid4),
    customer_id=st.just("ann"),
    product_id=st.sampled_from(["apple", "pear", "unicorn"]),
    quantity=st.integers(1, 4),
)
COPIES = st.lists(st.integers(0, 5), max_size=2)  # of which messages of a batch there is a second one at its end


@dataclass
class ModelStock:
    """What is on the shelf, who has it, and what was decided: one message after the other, without batches."""

    on_hand: dict[str, int] = field(default_factory=dict)
    reserved: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    decided: dict[UUID, StockReserved | StockRejected] = field(default_factory=dict)

    def set(self, command: Received[SetStock]) -> StockLevel | None:
        """Tell the level; none if the command is refused. One that comes again is answered as things are now."""
        product_id, on_hand = command.message.product_id, command.message.on_hand
        reserved = self.reserved.setdefault(product_id, 0)
        is_new = command.envelope.id not in self.seen
        self.seen.add(command.envelope.id)
        if on_hand < reserved:
            return None
        if is_new:
            self.on_hand[product_id] = on_hand
        left = self.on_hand[product_id]
        return StockLevel(product_id=product_id, on_hand=left, reserved=reserved, available=left - reserved)

    def decide(self, order: OrderCreated) -> StockReserved | StockRejected:
        if order.order_id not in self.decided:
            self.decided[order.order_id] = self._decide(order)
        return self.decided[order.order_id]

    def _decide(self, order: OrderCreated) -> StockReserved | StockRejected:
        if order.product_id not in self.on_hand:
            return StockRejected(order.order_id, "unknown-product", order.quantity, 0)
        available = self.on_hand[order.product_id] - self.reserved[order.product_id]
        if order.quantity > available:
            return StockRejected(order.order_id, "insufficient-stock", order.quantity, available)
        self.reserved[order.product_id] += order.quantity
        return StockReserved(order.order_id)


def sent_again(message: Received[Any]) -> Received[Any]:
    return received(message.message)


class InventoryMachine(RuleBasedStateMachine):
    messages = Bundle("messages")
    anything = st.one_of(SET_STOCK, ORDER_CREATED, messages, messages.map(sent_again))

    def __init__(self, database: BlockingDatabase) -> None:
        super().__init__()
        self.database = database
        self.model = ModelStock()
        database.run(lambda tx: tx.execute("DELETE FROM stock; DELETE FROM reservations; DELETE FROM inbox"))

    @rule(target=messages, given=st.lists(anything, min_size=1, max_size=6), copies=COPIES)
    def a_batch_arrives(
        self, given: Sequence[Message | Received[Any]], copies: list[int]
    ) -> MultipleResults[Received[Any]]:
        batch: list[Received[Any]] = [received(each) if isinstance(each, Message) else each for each in given]
        batch += [batch[copy % len(batch)] for copy in copies]
        self.commands_arrive([each for each in batch if isinstance(each.message, SetStock)])
        self.orders_arrive([each for each in batch if isinstance(each.message, OrderCreated)])
        return multiple(*batch)

    def commands_arrive(self, batch: list[Received[SetStock]]) -> None:
        expected = [self.model.set(command) for command in batch]
        answers = self.database.run(partial(set_stock, batch))
        assert [answer.to for answer in answers] == batch
        assert [level_of(answer) for answer in answers] == expected

    def orders_arrive(self, batch: list[Received[OrderCreated]]) -> None:
        expected = {self.model.decide(order.message) for order in batch}
        effects = self.database.run(partial(reserve_stock, batch))
        assert Counter(effect.event for effect in effects) == Counter(expected)

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        levels, decisions = self.database.run(stored)
        assert levels == {
            product_id: (on_hand, self.model.reserved[product_id]) for product_id, on_hand in self.model.on_hand.items()
        }
        assert decisions == {
            order_id: answer.reason if isinstance(answer, StockRejected) else None
            for order_id, answer in self.model.decided.items()
        }


async def stored(tx: Transaction) -> tuple[dict[str, tuple[int, int]], dict[UUID, str | None]]:
    """The level of each product, and for each order that was decided why it gets nothing, if so."""
    levels = await tx.fetch("SELECT product_id, on_hand, reserved FROM stock")
    decisions = await tx.fetch("SELECT order_id, reason FROM reservations")
    return {product_id: (on_hand, reserved) for product_id, on_hand, reserved in levels}, dict(decisions)


def level_of(answer: Answer) -> StockLevel | None:
    """The level that an answer tells; none if it refuses."""
    if isinstance(answer.reply, StockLevel):
        return answer.reply
    assert isinstance(answer.reply, RequestRefused)
    return None


@pytest.mark.timeout(600)  # a failure is made as small as can be before it is told
def test_inventory_does_what_its_model_does(inventory_database: Database, loop: asyncio.AbstractEventLoop) -> None:
    run_state_machine_as_test(
        lambda: InventoryMachine(BlockingDatabase(inventory_database, loop))  # type: ignore[arg-type]  # a function will do
    )
