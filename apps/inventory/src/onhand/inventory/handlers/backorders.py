"""Who waits is given what has come."""

from collections.abc import Collection, Mapping
from typing import Any

from onhand.common.contracts import AllocationNoted, BackorderPromised, StockReserved
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received
from onhand.common.messaging.unanswered import Unanswered, expect_answers
from onhand.inventory.domain.backorders import fill, tell_allocations
from onhand.inventory.domain.levels import Stock
from onhand.inventory.store.backorders import find_allocations, find_waiting, save_fills
from onhand.inventory.store.reservations import next_revisions


async def fill_backorders(
    tx: Transaction, stock: Stock, product_ids: Collection[str], causes: Mapping[str, Received[Any]]
) -> list[Publish]:
    """Give what can be promised of some products to those that wait for them, first come, first served.

    So as long as somebody waits for a product, nothing of it can be promised, and no new order gets in front. It is
    called wherever something became promisable; where nobody waits, it changes nothing.

    Args:
        tx: the transaction.
        stock: locked. It is changed in memory; who called stores the levels.
        product_ids: whose levels are in it.
        causes: for each product the message that led to it; none for a timer.

    Returns:
        What Orders is to be told now, and again until it says that it took note.
    """
    promisable = {product_id: units for product_id in product_ids if (units := stock.promisable(product_id))}
    if not promisable:
        return []
    fills = fill(await find_waiting(tx, promisable, max(promisable.values())), stock)
    if not fills:
        return []
    revisions = await next_revisions(tx, {given.waiting.order_id for given in fills})
    await save_fills(tx, fills)
    allocations = await find_allocations(tx, revisions)
    events = [
        tell_allocations(order_id, allocations[order_id], revisions[order_id])
        for order_id in dict.fromkeys(given.waiting.order_id for given in fills)  # as they were served
    ]
    of_order = {given.waiting.order_id: causes.get(given.waiting.product_id) for given in fills}
    return await expect_answers(
        tx,
        [Unanswered(fact_of(event), Publish(event, cause=of_order[event.order_id])) for event in events],
    )


def fact_of(event: StockReserved | BackorderPromised | AllocationNoted) -> str:
    """What Orders is told until it has noted it: a revision of what an order has or may expect."""
    return f"{event.order_id}/{event.revision}"
