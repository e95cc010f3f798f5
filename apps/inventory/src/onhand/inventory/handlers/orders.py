"""What orders do to stock: they reserve it, and give it back when they are cancelled."""

from collections.abc import Sequence

from msgspec import UNSET

from onhand.common.contracts import AllocationNoted, OrderCancelled, OrderCreated, StockReleased
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received
from onhand.common.messaging.unanswered import note_answers
from onhand.inventory.domain.allocation import Decisions, Row, decide, give_back, refuse_all, tell_shortage
from onhand.inventory.domain.levels import Stock
from onhand.inventory.handlers.backorders import fact_of
from onhand.inventory.handlers.changes import Causes, store_changes, tell_signals
from onhand.inventory.handlers.held_orders import decide_with_holds, products_held
from onhand.inventory.handlers.incoming import renew_promises
from onhand.inventory.store import levels, reservations


async def reserve_stock(batch: Sequence[Received[OrderCreated]], tx: Transaction) -> list[Publish]:
    """Decide each order once and publish the decision; an order that comes again gets the stored decision.

    An order that names no hold and gets all of its units costs one statement to lock and one to store, for the whole
    batch. Those that name one come after the others of the batch, and cost more.
    """
    orders = {received.message.order_id: received for received in batch}
    causes = {line.product_id: received for received in orders.values() for line in received.message.lines}
    plain = [received.message for received in orders.values() if received.message.reservation_id is UNSET]
    products = causes.keys() if len(plain) == len(orders) else causes.keys() | await products_held(tx, batch)
    stock = await levels.lock_stock(tx, products)
    decisions = await _decide(tx, plain, stock) if plain else Decisions([], {})
    if len(plain) == len(orders):
        answers, follows = decisions.answers, await _follow_up(tx, decisions.rows, stock, causes)
    else:
        stock.note_stored()
        others, follows = await decide_with_holds(tx, orders, stock, causes)
        answers = decisions.answers | others
    return [*(Publish(answers[order_id], cause=received) for order_id, received in orders.items()), *follows]


async def _decide(tx: Transaction, orders: Sequence[OrderCreated], stock: Stock) -> Decisions:
    """Decide orders and store what was decided now; the answers are those of all of them."""
    decisions = decide(orders, stock)
    if await reservations.save_decisions(tx, decisions.rows, stock.changed()):
        return decisions
    stock.undo()
    answers = await reservations.find_decisions(tx, [order.order_id for order in orders])
    decisions = decide([order for order in orders if order.order_id not in answers], stock)
    if decisions.rows:
        await reservations.save_decisions(tx, decisions.rows, stock.changed())
    return Decisions(decisions.rows, answers | decisions.answers)


async def _follow_up(tx: Transaction, rows: Sequence[Row], stock: Stock, causes: Causes) -> list[Publish]:
    """Tell what follows from decisions that are stored; nearly always nothing, and then it costs no statement."""
    waited_for = {row.product_id for row in rows if row.waiting}
    promises = await renew_promises(tx, stock, waited_for, causes) if waited_for else []
    return [*promises, *await tell_signals(tx, stock, causes)]


async def release_stock(batch: Sequence[Received[OrderCancelled]], tx: Transaction) -> list[Publish]:
    """Give back what cancelled orders have, once, and take them off the queue; whatever comes again is only answered.

    One that was never heard of is noted as cancelled, so that it gets nothing when it comes at last.
    """
    orders = {received.message.order_id: received for received in batch}
    causes = {line.product_id: received for received in orders.values() for line in received.message.lines}
    stock = await levels.lock_stock(tx, causes)
    tombstones = [row for received in orders.values() for row in _bury(received.message, stock)]
    await reservations.save_tombstones(tx, tombstones)
    give_back(stock, await reservations.release_rows(tx, orders))
    changes = await store_changes(tx, stock, causes)
    return [*(Publish(StockReleased(order_id), cause=received) for order_id, received in orders.items()), *changes]


async def note_allocations(batch: Sequence[Received[AllocationNoted]], tx: Transaction) -> list[Publish]:
    """Tell no more what Orders has taken note of."""
    await note_answers(tx, [fact_of(received.message) for received in batch])
    return []


def _bury(order: OrderCancelled, stock: Stock) -> list[Row]:
    return refuse_all(order.order_id, [tell_shortage(line, stock) for line in order.lines], "cancelled")
