"""Inventory has done what an order's change asks of it, so it need not be told again."""

from collections.abc import Sequence

from onhand.common.contracts import StockReleased, StockReturned, StockShipped
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received
from onhand.common.messaging.unanswered import note_answers
from onhand.orders.handlers.changing import cancellation


async def note_releases(batch: Sequence[Received[StockReleased]], tx: Transaction) -> list[Publish]:
    """Note that what cancelled orders held is given back."""
    await note_answers(tx, {cancellation(received.message.order_id) for received in batch})
    return []


async def note_shipments(batch: Sequence[Received[StockShipped]], tx: Transaction) -> list[Publish]:
    """Note that what was sent off has left the stock."""
    await note_answers(tx, {str(received.message.fulfilment_id) for received in batch})
    return []


async def note_returns(batch: Sequence[Received[StockReturned]], tx: Transaction) -> list[Publish]:
    """Note that what came back is booked."""
    await note_answers(tx, {str(received.message.return_id) for received in batch})
    return []
