"""How orders are written: one statement for a whole batch, state and event log together."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from onhand.common.contracts import OrderConfirmed, OrderCreated, OrderRejected
from onhand.common.database import Transaction
from onhand.orders.domain import status_after


async def insert_orders(tx: Transaction, events: Sequence[OrderCreated], causes: Sequence[str]) -> set[UUID]:
    """Store new orders with their first event.

    Args:
        tx: the transaction.
        events: one per order, no order twice.
        causes: for each event, id of the message that led to it.

    Returns:
        The ids of those that were new; the others are stored already and stay as they are.
    """
    rows = await tx.fetch(
        """
        WITH given AS (
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::jsonb[], $6::text[])
                AS given (order_id, customer_id, product_id, quantity, data, caused_by)
        ), inserted AS (
            INSERT INTO orders (order_id, customer_id, product_id, quantity, status)
            SELECT order_id, customer_id, product_id, quantity, 'pending' FROM given
            ON CONFLICT (order_id) DO NOTHING
            RETURNING order_id, version
        ), logged AS (
            INSERT INTO order_events (order_id, version, type, data, caused_by)
            SELECT order_id, version, $7, data, caused_by FROM inserted JOIN given USING (order_id)
        )
        SELECT order_id FROM inserted
        """,
        [event.order_id for event in events],
        [event.customer_id for event in events],
        [event.product_id for event in events],
        [event.quantity for event in events],
        [msgspec.json.encode(event).decode() for event in events],
        causes,
        OrderCreated.TYPE,
    )
    return {row["order_id"] for row in rows}


async def settle_orders(
    tx: Transaction, events: Sequence[OrderConfirmed | OrderRejected], causes: Sequence[str]
) -> set[UUID]:
    """End those of the orders that are still pending, and log how.

    Args:
        tx: the transaction.
        events: how each order ends, no order twice.
        causes: for each event, id of the message that led to it.

    Returns:
        The ids of the orders that ended by this; the others had ended before, or do not exist.
    """
    rows = await tx.fetch(
        """
        WITH given AS (
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::text[])
                AS given (order_id, status, reason, type, data, caused_by)
        ), settled AS (
            UPDATE orders
            SET status = given.status, reason = given.reason, version = version + 1, updated_at = statement_timestamp()
            FROM given
            WHERE orders.order_id = given.order_id AND orders.status = 'pending'
            RETURNING orders.order_id, version
        ), logged AS (
            INSERT INTO order_events (order_id, version, type, data, caused_by)
            SELECT order_id, version, type, data, caused_by FROM settled JOIN given USING (order_id)
        )
        SELECT order_id FROM settled
        """,
        [event.order_id for event in events],
        [status_after(event) for event in events],
        [event.reason if isinstance(event, OrderRejected) else None for event in events],
        [event.TYPE for event in events],
        [msgspec.json.encode(event).decode() for event in events],
        causes,
    )
    return {row["order_id"] for row in rows}


async def take_unanswered(tx: Transaction, older_than_seconds: float, limit: int) -> list[OrderCreated]:
    """Take orders that have waited for Inventory since they were last asked for, and note that they are asked again.

    The wait doubles with each time, up to 32-fold. Orders that another replica is taking are skipped. An order that was
    asked for in the future is taken, too: the clock was set back since.
    """
    rows = await tx.fetch(
        """
        UPDATE orders SET asks = asks + 1, asked_at = now()
        WHERE order_id IN (
            SELECT order_id FROM orders
            WHERE status = 'pending'
              AND asked_at NOT BETWEEN now() - make_interval(secs => $1) AND now() + make_interval(secs => $1)
              AND asked_at NOT BETWEEN now() - make_interval(secs => $1 * 2 ^ least(asks - 1, 5))
                                   AND now() + make_interval(secs => $1)
            ORDER BY asked_at LIMIT $2
            FOR UPDATE SKIP LOCKED
        )
        RETURNING order_id, customer_id, product_id, quantity
        """,
        older_than_seconds,
        limit,
    )
    return [OrderCreated(**row) for row in rows]
