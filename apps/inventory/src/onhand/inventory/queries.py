"""How stock is read."""

from collections.abc import Sequence

import msgspec

from onhand.common.contracts import CheckStock, Reply, RequestRefused
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received
from onhand.inventory.domain import Level, describe


async def check_stock(batch: Sequence[Received[CheckStock]], tx: Transaction) -> list[Answer]:
    """Answer each with its product's level and, if it asked for a quantity, whether that many are available."""
    rows = await tx.fetch(
        "SELECT product_id, on_hand, reserved FROM stock WHERE product_id = ANY($1)",
        [received.message.product_id for received in batch],
    )
    levels = {row["product_id"]: Level(row["on_hand"], row["reserved"]) for row in rows}
    return [Answer(to=received, reply=_tell(received.message, levels)) for received in batch]


def _tell(query: CheckStock, levels: dict[str, Level]) -> Reply:
    level = levels.get(query.product_id)
    if level is None:
        return RequestRefused(code="product-not-found", detail=f"There is no product {query.product_id}.")
    answer = describe(query.product_id, level)
    if isinstance(query.quantity, int):
        answer = msgspec.structs.replace(answer, in_stock=query.quantity <= level.available)
    return answer
