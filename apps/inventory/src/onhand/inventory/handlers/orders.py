"""What orders do to stock: they reserve it, and give it back when they are cancelled."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import UNSET

from onhand.common.contracts import (
    AllocationNoted,
    HoldEnded,
    LineShortage,
    OrderCancelled,
    OrderCreated,
    StockReleased,
)
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received
from onhand.common.messaging.unanswered import note_answers
from onhand.inventory.domain.allocation import Answer, Decisions, Share, decide, give_back, refuse_all
from onhand.inventory.domain.holds import Hold, decide_with_holds
from onhand.inventory.domain.levels import Stock
from onhand.inventory.handlers.backorders import fill_backorders, fact_of
from onhand.inventory.handlers.changes import store_changes, tell_signals
from onhand.inventory.handlers.incoming import renew_promises
from onhand.inventory.store import holds, levels, reservations

Causes = Mapping[str, Received[Any]]


async def reserve_stock(batch: Sequence[Received[OrderCreated]], tx: Transaction) -> list[Publish]:
    """Decide each order once and publish the decision; an order that comes again gets the stored decision.

    Orders that name a hold are decided after the others of the batch, and cost some statements more.
    """
    orders = {received.message.order_id: received for received in batch}
    plain = [received.message for received in orders.values() if received.message.reservation_id is UNSET]
    holding = [received.message for received in orders.values() if received.message.reservation_id is not UNSET]
    causes = {line.product_id: received for received in orders.values() for line in received.message.lines}
    known = await holds.find_holds(tx, {order.reservation_id for order in holding}) if holding else {}
    held = {line.product_id for hold in known.values() for line in hold.lines}
    stock = await levels.lock_stock(tx, held.union(causes))
    decisions = await _decide(tx, plain, stock) if plain else Decisions([], {})
    answers, changes = decisions.answers, []
    if holding:
        others, changes = await _decide_with_holds(tx, orders, )
    return [Publish(answers[order_id], cause=received) for order_id, received in orders.items()]
