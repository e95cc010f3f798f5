"""How orders are looked up."""

from collections.abc import Collection, Sequence
from uuid import UUID

from onhand.common.contracts import GetOrder, RequestRefused
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received
from onhand.orders.domain.orders import Order, details
from onhand.orders.store.rows import order_of


async def get_orders(batch: Sequence[Received[GetOrder]], tx: Transaction) -> list[Answer]:
    """Answer each with its order as it stands, or that there is none."""
    found = await find_orders(tx, {received.message.order_id for received in batch})
    return [
        Answer(
            to=received,
            reply=details(found[received.message.order_id])
            if received.message.order_id in found
            else no_such_order(received.message.order_id),
        )
        for received in batch
    ]


async def find_orders(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, Order]:
    """Read orders by id; those that do not exist are left out."""
    rows = await tx.fetch("SELECT * FROM orders WHERE order_id = ANY($1)", list(order_ids))
    return {row["order_id"]: order_of(row) for row in rows}


async def find_orders_by_key(tx: Transaction, keys: Collection[str]) -> dict[str, Order]:
    """Read orders by idempotency key; those that do not exist are left out."""
    rows = await tx.fetch("SELECT * FROM orders WHERE idempotency_key = ANY($1)", list(keys))
    return {row["idempotency_key"]: order_of(row) for row in rows}


def no_such_order(order_id: UUID) -> RequestRefused:
    """What is told whoever names an order that does not exist."""
    return RequestRefused(code="order-not-found", detail=f"There is no order {order_id}.")
