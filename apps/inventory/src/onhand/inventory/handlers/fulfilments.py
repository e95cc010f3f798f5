"""What leaves for customers, and what comes back."""

from collections.abc import Sequence

from onhand.common.contracts import OrderFulfilled, OrderReturned, StockReturned, StockShipped
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received
from onhand.inventory.domain.fulfilments import ship, take_back
from onhand.inventory.domain.ledger import Entry
from onhand.inventory.handlers.changes import store_changes
from onhand.inventory.store import fulfilments, levels, movements, reservations


async def ship_stock(batch: Sequence[Received[OrderFulfilled]], tx: Transaction) -> list[Publish]:
    """Take what is sent off out of the stock, once; whatever comes again is only answered.

    Raises:
        NotReserved: an order sends off what it does not have. It would know only of what was committed here before.
    """
    fulfilled = {received.message.fulfilment_id: received for received in batch}
    causes = {line.product_id: received for received in fulfilled.values() for line in received.message.lines}
    stock = await levels.lock_stock(tx, causes)
    booked = await movements.find(tx, list(fulfilled))
    new = [received for fulfilment_id, received in fulfilled.items() if fulfilment_id not in booked]
    rows = await reservations.find_open_rows(tx, {received.message.order_id for received in new})
    entries: list[Entry] = []
    for received in new:
        of_order = rows.get(received.message.order_id, [])
        entries += ship(received.message, of_order, stock, received.envelope.actor or None)
    touched = {(entry.order_id, entry.entry_no) for entry in entries}
    await fulfilments.ship_rows(
        tx, [row for of_order in rows.values() for row in of_order if (row.holder_id, row.row_no) in touched]
    )
    await movements.record(tx, entries)
    changes = await store_changes(tx, stock, causes)
    return [*(Publish(_shipped(received.message), cause=received) for received in fulfilled.values()), *changes]


async def take_back_stock(batch: Sequence[Received[OrderReturned]], tx: Transaction) -> list[Publish]:
    """Put what comes back where it left from, once; whatever comes again is only answered.

    A return that comes before its units are known to have left is not answered, and so comes again.
    """
    returned = {received.message.return_id: received for received in batch}
    causes = {line.product_id: received for received in returned.values() for line in received.message.lines}
    stock = await levels.lock_stock(tx, causes)
    booked = set(await movements.find(tx, list(returned)))
    new = [received for return_id, received in returned.items() if return_id not in booked]
    sent = await fulfilments.find_sent(tx, {received.message.order_id for received in new})
    entries: list[Entry] = []
    for received in new:
        of_order = sent.get(received.message.order_id, [])
        entries += take_back(received.message, of_order, stock, received.envelope.actor or None)
    await movements.record(tx, entries)
    booked |= {entry.movement_id for entry in entries}
    changes = await store_changes(tx, stock, causes)
    answers = [
        Publish(_returned(received.message), cause=received)
        for return_id, received in returned.items()
        if return_id in booked
    ]
    return [*answers, *changes]


def _shipped(event: OrderFulfilled) -> StockShipped:
    return StockShipped(order_id=event.order_id, fulfilment_id=event.fulfilment_id)


def _returned(event: OrderReturned) -> StockReturned:
    return StockReturned(order_id=event.order_id, return_id=event.return_id)
