"""What several handlers of one batch lock, locked in one order."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Received
from onhand.inventory.store import holds, levels


async def lock_levels(batch: Sequence[Received[Any]], tx: Transaction) -> None:
    """Lock the levels of all products that messages are about, and of those that are held by the holds they name."""
    messages = [received.message for received in batch]
    product_ids = {it.product_id for it in messages if hasattr(it, "product_id")}
    product_ids |= {line.product_id for it in messages for line in getattr(it, "lines", ())}
    named = {getattr(it, "reservation_id", None) for it in messages}
    if hold_ids := [hold_id for hold_id in named if isinstance(hold_id, UUID)]:
        known = await holds.find_holds(tx, hold_ids)
        product_ids |= {line.product_id for hold in known.values() for line in hold.lines}
    await levels.lock_stock(tx, product_ids)
