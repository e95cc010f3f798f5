"""How orders that wait for Inventory are found."""

from onhand.common.database import Transaction
from onhand.orders.domain.orders import Order
from onhand.orders.store.rows import order_of


async def take_unanswered(tx: Transaction, older_than_seconds: float, limit: int) -> list[Order]:
    """Take orders that have waited for Inventory since they were last asked for, and note that they are asked again.

    The wait doubles with each time, up to 32-fold. Orders that another replica is taking are skipped. An order that was
    asked for in the future is taken, too: the clock was set back since.
    """
    rows = await tx.fetch(
        """
        UPDATE orders SET asks = asks + 1, asked_at = statement_timestamp()
        WHERE order_id IN (
            SELECT order_id FROM orders
            WHERE status = 'pending'
              AND asked_at NOT BETWEEN statement_timestamp() - make_interval(secs => $1)
                                   AND statement_timestamp() + make_interval(secs => $1)
              AND asked_at NOT BETWEEN statement_timestamp() - make_interval(secs => $1 * 2 ^ least(asks - 1, 5))
                                   AND statement_timestamp() + make_interval(secs => $1)
            ORDER BY asked_at LIMIT $2
            FOR UPDATE SKIP LOCKED
        )
        RETURNING *
        """,
        older_than_seconds,
        limit,
    )
    return [order_of(row) for row in rows]
