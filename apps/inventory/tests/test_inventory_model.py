"""Inventory against a plain model of its promises: any message at any time, again, and in any company."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

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
from shelf import Shelf

from onhand.common.contracts import (
    DefineLocation,
    DefineProduct,
    HoldStock,
    Message,
    OrderCancelled,
    OrderCreated,
    OrderFulfilled,
    OrderReturned,
    ReceiveStock,
    ReleaseHold,
    StockRejected,
    StockReleased,
    StockReserved,
    StockReturned,
    StockShipped,
)
from onhand.common.contracts.orders import Policy
from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Effect, Received
from onhand.common.testing import BlockingDatabase, received
from onhand.inventory.handlers.holds import expire_holds
from warehouse import DIFFERENCES, came, came_back, cancelled, counted, events, held, order_for, sent, tell

PRODUCTS = ["apple", "pear", "plum"]
AT_ONCE = "plum"  # nobody may wait for one
UNITS = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(1, 4), min_size=1)
WANTED = st.dictionaries(st.sampled_from([*PRODUCTS, "unicorn"]), st.integers(1, 4), min_size=1)
POLICIES: st.SearchStrategy[Policy] = st.sampled_from(["all-or-nothing", "ship-available", "backorder"])
EMPTY = """
DELETE FROM movements; DELETE FROM reservations; DELETE FROM holds; DELETE FROM stock_levels; DELETE FROM definitions;
DELETE FROM products; DELETE FROM unanswered_events; DELETE FROM inbox
"""
PROMISABLE_THOUGH_WAITED_FOR = """
SELECT product_id FROM stock_levels WHERE on_hand > reserved
AND product_id IN (SELECT product_id FROM reservations WHERE waiting > 0)
"""
CLAIMS = """
SELECT holder_id, product_id, sum(granted)::int, sum(waiting)::int, sum(shipped)::int FROM reservations
WHERE released_at IS NULL AND reason IS NULL GROUP BY 1, 2
"""


class InventoryMachine(RuleBasedStateMachine):
    messages = Bundle("messages")
    orders = Bundle("orders")
    holds = Bundle("holds")

    def __init__(self, database: BlockingDatabase) -> None:
        super().__init__()
        self.database = database
        self.shelf = Shelf(dict.fromkeys(PRODUCTS, 0), {AT_ONCE})
        self.answers: dict[UUID, Message] = {}
        database.run(lambda tx: tx.execute(EMPTY))
        self.tell(
            DefineLocation(location_id="north", priority=50),
            *(counted(0, name) for name in PRODUCTS),
            DefineProduct(product_id=AT_ONCE, backorderable=False),
        )

    def tell(self, *messages: Message | Received[Any]) -> list[Effect]:
        return self.database.run(partial(_tell, messages))

    @rule(target=orders, wanted=WANTED, policy=POLICIES)
    def somebody_is_about_to_order(self, wanted: dict[str, int], policy: Policy) -> OrderCreated:
        return order_for(wanted, policy)

    @rule(target=orders, wanted=WANTED, policy=POLICIES, hold=holds)
    def somebody_is_about_to_order_what_is_held(
        self, wanted: dict[str, int], policy: Policy, hold: HoldStock
    ) -> OrderCreated:
        return order_for(wanted, policy, hold)

    @rule(target=orders, hold=holds)
    def somebody_is_about_to_order_just_what_is_held(self, hold: HoldStock) -> OrderCreated:
        return order_for({line.product_id: line.quantity for line in hold.lines}, "all-or-nothing", hold)

    @rule(target=messages, batch=st.lists(orders, min_size=1, max_size=4))
    def orders_come(self, batch: Sequence[OrderCreated]) -> MultipleResults[Received[Any]]:
        self.shelf.order(batch)
        given = [received(each) for each in batch]
        self.check_decisions(self.tell(*given), {each.order_id for each in batch})
        return multiple(*given)

    def check_decisions(self, effects: list[Effect], order_ids: set[UUID]) -> None:
        """Each order is answered, as it was when it came first, and as the model says."""
        told: list[StockReserved | StockRejected] = [*events(effects, StockReserved), *events(effects, StockRejected)]
        decisions = [each for each in told if isinstance(each, StockRejected) or each.revision == 0]
        assert {each.order_id for each in decisions} == order_ids
        for each in decisions:
            assert self.answers.setdefault(each.order_id, each) == each
            reason = each.reason if isinstance(each, StockRejected) else None
            assert reason == self.shelf.reasons.get(each.order_id)

    @rule(target=messages, order=orders)
    def an_order_is_cancelled(self, order: OrderCreated) -> MultipleResults[Received[Any]]:
        if any(claim.shipped for claim in self.shelf.claims.get(order.order_id, {}).values()):
            return multiple()
        message = received(cancelled(order))
        self.shelf.cancel(message.message)
        assert events(self.tell(message), StockReleased) == [StockReleased(order.order_id)]
        return multiple(message)

    @rule(target=messages, order=orders, most=st.integers(1, 4))
    def units_are_sent(self, order: OrderCreated, most: int) -> MultipleResults[Received[Any]]:
        units = self.units_of(order, lambda claim: min(most, claim.granted - claim.shipped))
        if not units:
            return multiple()
        message = received(sent(order, **units))
        self.shelf.send(message.message)
        assert len(events(self.tell(message), StockShipped)) == 1
        return multiple(message)

    @rule(target=messages, order=orders, most=st.integers(1, 4), restock=st.booleans())
    def units_come_back(self, order: OrderCreated, most: int, *, restock: bool) -> MultipleResults[Received[Any]]:
        units = self.units_of(order, lambda claim: min(most, claim.shipped - claim.returned))
        if not units:
            return multiple()
        message = received(came_back(order, restock=restock, **units))
        self.shelf.take_back(message.message)
        assert len(events(self.tell(message), StockReturned)) == 1
        return multiple(message)

    def units_of(self, order: OrderCreated, choose: Any) -> dict[str, int]:  # noqa: ANN401  # a function of a claim
        claims = self.shelf.claims.get(order.order_id, {})
        return {product_id: units for product_id, claim in claims.items() if (units := choose(claim))}

    @rule(
        target=messages,
        product_id=st.sampled_from(PRODUCTS),
        units=st.integers(1, 5),
        at=st.sampled_from(["main", "north"]),
    )
    def units_are_received(self, product_id: str, units: int, at: str) -> Received[ReceiveStock]:
        message = received(came(units, product_id, at))
        self.shelf.receive(product_id, units)
        self.tell(message)
        return message

    @rule(target=holds, units=UNITS)
    def somebody_is_about_to_hold(self, units: dict[str, int]) -> HoldStock:
        return held(**units)

    @rule(target=messages, hold=holds)
    def units_are_held(self, hold: HoldStock) -> Received[HoldStock]:
        if hold.reservation_id not in self.shelf.holds:
            self.shelf.hold(hold)
        message = received(hold)
        self.tell(message)
        return message

    @rule(target=messages, hold=holds)
    def a_hold_is_released(self, hold: HoldStock) -> MultipleResults[Received[ReleaseHold]]:
        if hold.reservation_id not in self.shelf.holds:
            return multiple()
        self.shelf.end(hold.reservation_id, "released")
        message = received(ReleaseHold(hold.reservation_id))
        self.tell(message)
        return multiple(message)

    @rule(hold=holds)
    def a_hold_expires(self, hold: HoldStock) -> None:
        self.shelf.end(hold.reservation_id, "expired")
        self.database.run(partial(_expire, hold.reservation_id))

    @rule(message=messages)
    def a_message_comes_again(self, message: Received[Any]) -> None:
        effects = self.tell(message)
        if isinstance(message.message, OrderCreated):
            self.check_decisions(effects, {message.message.order_id})

    @rule(message=messages)
    def an_event_is_told_again(self, message: Received[Any]) -> None:
        if isinstance(message.message, OrderCreated | OrderCancelled | OrderFulfilled | OrderReturned):
            self.a_message_comes_again(received(message.message))

    @invariant()
    def what_is_stored_is_what_the_model_says(self) -> None:
        levels, claims, holds = self.database.run(_stored)
        assert levels == {name: (self.shelf.on_hand[name], self.shelf.reserved(name)) for name in PRODUCTS}
        assert holds == self.shelf.holds
        expected = {
            (holder_id, product_id): (claim.granted, claim.waiting, claim.shipped)
            for holder_id, of_holder in self.shelf.claims.items()
            for product_id, claim in of_holder.items()
        }
        assert claims == expected

    @invariant()
    def every_number_has_its_rows_and_nobody_waits_in_vain(self) -> None:
        for query in (DIFFERENCES, PROMISABLE_THOUGH_WAITED_FOR):
            assert self.database.run(lambda tx, query=query: tx.fetch(query)) == []  # type: ignore[misc]  # bound at once


async def _tell(messages: Sequence[Message | Received[Any]], tx: Transaction) -> list[Effect]:
    return await tell(tx, *messages)


async def _expire(hold_id: UUID, tx: Transaction) -> None:
    await tx.execute("UPDATE holds SET expires_at = statement_timestamp() WHERE reservation_id = $1", hold_id)
    await expire_holds(tx)


async def _stored(
    tx: Transaction,
) -> tuple[dict[str, tuple[int, int]], dict[tuple[UUID, str], tuple[int, int, int]], dict[UUID, str]]:
    """The levels over all locations, what everybody has, waits for and was sent, and the state of each hold."""
    levels = await tx.fetch("SELECT product_id, sum(on_hand), sum(reserved) FROM stock_levels GROUP BY product_id")
    claims = await tx.fetch(CLAIMS)
    holds = await tx.fetch("SELECT reservation_id, state FROM holds")
    return (
        {product_id: (on_hand, reserved) for product_id, on_hand, reserved in levels},
        {(row[0], row[1]): (row[2], row[3], row[4]) for row in claims},
        dict(holds),
    )


@pytest.mark.timeout(600)  # a failure is made as small as can be before it is told
def test_inventory_does_what_its_model_does(inventory_database: Database, loop: asyncio.AbstractEventLoop) -> None:
    run_state_machine_as_test(
        lambda: InventoryMachine(BlockingDatabase(inventory_database, loop))  # type: ignore[arg-type]  # a function will do
    )
