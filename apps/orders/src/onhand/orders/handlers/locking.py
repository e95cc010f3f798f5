"""What several handlers of one batch lock, locked in one order."""

from collections.abc import Sequence
from typing import Any

from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Received
from onhand.orders.store.orders import lock_rows


async def lock_all(batch: Sequence[Received[Any]], tx: Transaction) -> None:
    """Lock all orders that messages are about."""
    await lock_rows(tx, {received.message.order_id for received in batch})
