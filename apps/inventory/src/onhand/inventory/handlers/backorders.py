"""Units that have come go to the orders that wait for them."""

from collections.abc import Collection, Mapping
from typing import Any

from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received
from onhand.inventory.domain.levels import Stock


async def fill_backorders(
    tx: Transaction, stock: Stock, product_ids: Collection[str], causes: Mapping[str, Received[Any]]
) -> list[Publish]:
    """Stub."""
    del tx, stock, product_ids, causes
    return []
