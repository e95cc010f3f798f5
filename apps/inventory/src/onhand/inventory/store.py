"""How stock and reservations are written: one statement for a whole batch."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from onhand.common.contracts import StockRejected, StockReserved
from onhand.common.database import Transaction
from onhand.inventory.domain import Decision, Level


async def lock_levels(tx: Transaction, product_ids: Collection[str]) -> dict[str, Level]:
    """Read the levels of products and keep them locked until the transaction ends; unknown products are left out.

    The locks are taken in the order of the ids, so that two batches of orders never deadlock.
    """
    rows = await tx.fetch(
        "SELECT product_id, on_hand, reserved FROM stock WHERE product_id = ANY($1) ORDER BY product_id FOR UPDATE",
        list(product_ids),
    )
    return {row["product_id"]: Level(row["on_hand"], row["reserved"]) for row in rows}


async def add_products(tx: Transaction, product_ids: Collection[str]) -> None:
    """Make products known that are not yet, with nothing on hand.

    A row that does not exist cannot be locked; without this, two replicas setting a new product would overwrite each
    other, and with it what was reserved in between.
    """
    await tx.execute(
        "INSERT INTO stock (product_id, on_hand) SELECT unnest($1::text[]), 0 ON CONFLICT (product_id) DO NOTHING",
        sorted(product_ids),
    )


async def set_on_hand(tx: Transaction, levels: Mapping[str, Level]) -> None:
    """Store what is on hand of locked products: one write for each."""
    await tx.execute(
        """
        UPDATE stock SET on_hand = given.on_hand
        FROM unnest($1::text[], $2::integer[]) AS given (product_id, on_hand)
        WHERE stock.product_id = given.product_id
        """,
        list(levels),
        [level.on_hand for level in levels.values()],
    )


async def find_decisions(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, StockReserved | StockRejected]:
    """Read what was decided; orders not decided yet are left out.

    To be read after the levels are locked: a decision made meanwhile by another replica is visible only then.
    """
    rows = await tx.fetch(
        "SELECT order_id, quantity, reason, available FROM reservations WHERE order_id = ANY($1)", order_ids
    )
    return {
        row["order_id"]: StockReserved(order_id=row["order_id"])
        if row["reason"] is None
        else StockRejected(
            order_id=row["order_id"], reason=row["reason"], requested=row["quantity"], available=row["available"]
        )
        for row in rows
    }


async def save_decisions(tx: Transaction, decisions: Sequence[Decision], levels: Mapping[str, Level]) -> bool:
    """Store decisions together with the levels they lead to: all of it, unless one of the orders is decided already.

    To be called after the levels are locked: a decision made meanwhile by another replica is visible only then.

    Returns:
        Whether it was done. If not, nothing has changed: `find_decisions` tells which orders are decided.

    Raises:
        asyncpg.UniqueViolationError: another replica has just decided one of these orders, under a product that this
            one knows nothing of and so has not locked.
    """
    saved: int = await tx.fetchval(
        """
        WITH known AS MATERIALIZED ( -- all of them: to find but one the planner would rather read the whole table
            SELECT FROM reservations WHERE order_id = ANY($1::uuid[])
        ), decided AS (
            INSERT INTO reservations (order_id, product_id, quantity, reason, available)
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::integer[])
            WHERE NOT EXISTS (SELECT FROM known)
            RETURNING order_id
        ), changed AS (
            UPDATE stock SET reserved = given.reserved
            FROM unnest($6::text[], $7::integer[]) AS given (product_id, reserved)
            WHERE stock.product_id = given.product_id AND NOT EXISTS (SELECT FROM known)
        )
        SELECT count(*) FROM decided
        """,
        [decision.order.order_id for decision in decisions],
        [decision.order.product_id for decision in decisions],
        [decision.order.quantity for decision in decisions],
        [decision.answer.reason if isinstance(decision.answer, StockRejected) else None for decision in decisions],
        [decision.available for decision in decisions],
        list(levels),
        [level.reserved for level in levels.values()],
    )
    return saved > 0
