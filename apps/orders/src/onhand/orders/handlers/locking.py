"""What several handlers of one batch lock, locked in one order."""

from collections.abc import Sequence
from typing import Any

from onhand.common.contracts import StockRejected, StockReserved
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Received
from onhand.orders.domain.settling import says_it_all
from onhand.orders.store.orders import lock_rows


async def lock_all(batch: Sequence[Received[Any]], tx: Transaction) -> None:
    """Lock all orders that messages are about; none if they are all settled without being read."""
    messages = [received.message for received in batch]
    if not all(isinstance(it, StockReserved | StockRejected) and says_it_all(it) for it in messages):
        await lock_rows(tx, {it.order_id for it in messages})
