"""How orders are read."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import UNSET

from onhand.common.contracts import GetOrder, OrderDetails, RequestRefused
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received


async def get_orders(batch: Sequence[Received[GetOrder]], tx: Transaction) -> list[Answer]:
    """Answer each with its order as it stands, or that there is none."""
    found = await find_orders(tx, [received.message.order_id for received in batch])
    return [
        Answer(
            to=received,
            reply=found.get(received.message.order_id)
            or RequestRefused(code="order-not-found", detail=f"There is no order {received.message.order_id}."),
        )
        for received in batch
    ]


async def find_orders(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, OrderDetails]:
    """Read orders by id; those that do not exist are left out."""
    rows = await tx.fetch(
        """
        SELECT order_id, customer_id, product_id, quantity, status, created_at, updated_at, reason
        FROM orders WHERE order_id = ANY($1)
        """,
        order_ids,
    )
    return {row["order_id"]: OrderDetails(**{**row, "reason": row["reason"] or UNSET}) for row in rows}
