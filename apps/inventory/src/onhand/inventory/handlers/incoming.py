"""What is expected, and what it promises to orders that wait."""

from collections.abc import Collection, Mapping
from typing import Any

from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received


async def renew_promises(
    tx: Transaction, product_ids: Collection[str], causes: Mapping[str, Received[Any]]
) -> list[Publish]:
    """Stub."""
    del tx, product_ids, causes
    return []
