"""What orders do that name a hold: they take over its units, and what they do not need is given back."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from onhand.common.contracts import HoldEnded, OrderCreated
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received
from onhand.inventory.domain.allocation import Answer
from onhand.inventory.domain.holds import Use, collect_held, decide_orders
from onhand.inventory.domain.levels import Stock
from onhand.inventory.handlers.backorders import fill_backorders
from onhand.inventory.handlers.changes import Causes, store_changes
from onhand.inventory.store import holds, reservations


async def products_held(tx: Transaction, batch: Sequence[Received[OrderCreated]]) -> set[str]:
    """What the holds are of that orders name. It never changes, so it may be read before anything is locked."""
    named = {received.message.reservation_id for received in batch}
    found = await holds.find_holds(tx, [hold_id for hold_id in named if isinstance(hold_id, UUID)])
    return {line.product_id for hold in found.values() for line in hold.lines}


async def decide_with_holds(
    tx: Transaction, orders: Mapping[UUID, Received[OrderCreated]], stock: Stock, causes: Causes
) -> tuple[dict[UUID, Answer], list[Publish]]:
    """Decide those of the orders that name a hold, each once; store that, and all that was changed in memory so far.

    Whoever ends a hold has locked the levels of its products first. So one that is found active now will be until this
    transaction ends, even if its time runs out: nobody gives its units back meanwhile.

    Args:
        tx: the transaction.
        orders: all of a batch.
        stock: locked, with what `products_held` found.
        causes: for each product, the order that changes it.

    Returns:
        The answers to them, and what else is to be told.
    """
    named = [
        (received.message.reservation_id, received.message)
        for received in orders.values()
        if isinstance(received.message.reservation_id, UUID)
    ]
    answers = await reservations.find_decisions(tx, [order.order_id for _, order in named])
    undecided = [(hold_id, order) for hold_id, order in named if order.order_id not in answers]
    found = await holds.find_holds(tx, {hold_id for hold_id, _ in undecided})
    rows = await reservations.find_open_rows(tx, [hold.reservation_id for hold in found.values() if hold.is_active])
    held = {hold_id: collect_held(of_hold, stock) for hold_id, of_hold in rows.items()}
    decisions, uses = decide_orders(undecided, stock, held, found.keys() - held.keys())
    if decisions.rows:
        await reservations.save_decisions(tx, decisions.rows, [])
    filled = await _use(tx, uses, stock, causes) if uses else []
    changes = await store_changes(tx, stock, causes)
    ended = [Publish(HoldEnded(hold_id, "used", use.order_id), orders[use.order_id]) for hold_id, use in uses.items()]
    return answers | decisions.answers, [*filled, *changes, *ended]


async def _use(tx: Transaction, uses: Mapping[UUID, Use], stock: Stock, causes: Causes) -> list[Publish]:
    """End holds that orders have taken the units of; what they do not need goes to those that wait for it, or back.

    An order of this batch may wait for it only now, so that it does not count what could be promised before the batch.
    """
    order_ids = {hold_id: use.order_id for hold_id, use in uses.items()}
    await holds.use_holds(tx, order_ids)
    await reservations.hand_over(tx, order_ids)
    surplus = [(level, units) for use in uses.values() for level, units in use.surplus.items()]
    for level, units in surplus:
        level.reserved -= units
    return await fill_backorders(tx, stock, {level.product_id for level, _ in surplus}, causes)
