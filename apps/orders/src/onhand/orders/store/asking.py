"""How orders that wait for Inventory are found.

They are noted as they were asked for, many in one row: an index over the orders themselves would be touched by each
that is settled.
"""

from onhand.common.database import Transaction
from onhand.orders.domain.orders import Order
from onhand.orders.store.rows import order_of

MOST_NOTED_TOGETHER = 100
"""Orders in one row, so that a number of rows is a bound."""
_ROWS_LOOKED_AT = 1000
_ROWS_TAKEN = 20

# One that was asked for in the future is due, too: the clock was set back since.
_DUE = """
    SELECT batch_id FROM asked_orders
    WHERE asked_at NOT BETWEEN statement_timestamp() - make_interval(secs => $1)
                           AND statement_timestamp() + make_interval(secs => $1)
      AND asked_at NOT BETWEEN statement_timestamp() - make_interval(secs => $1 * 2 ^ least(asks - 1, 5))
                           AND statement_timestamp() + make_interval(secs => $1)
    ORDER BY asked_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_FORGET_ANSWERED = f"""
    DELETE FROM asked_orders WHERE batch_id IN ({_DUE})
    AND NOT EXISTS (SELECT FROM orders WHERE order_id = ANY(order_ids) AND status = 'pending')
"""  # noqa: S608  # from above
_TAKE = f"""
    UPDATE asked_orders SET asks = asks + 1, asked_at = statement_timestamp()
    WHERE batch_id IN ({_DUE}) RETURNING order_ids
"""  # noqa: S608  # from above


async def take_unanswered(tx: Transaction, older_than_seconds: float) -> list[Order]:
    """Take orders that have waited for Inventory since they were last asked for, and note that they are asked again.

    The wait doubles with each time, up to 32-fold. What another replica is taking is skipped. No more than 2,000 are
    taken at once.
    """
    await tx.execute(_FORGET_ANSWERED, older_than_seconds, _ROWS_LOOKED_AT)
    taken = await tx.fetch(_TAKE, older_than_seconds, _ROWS_TAKEN)
    if not taken:
        return []
    order_ids = [order_id for row in taken for order_id in row["order_ids"]]
    rows = await tx.fetch("SELECT * FROM orders WHERE order_id = ANY($1) AND status = 'pending'", order_ids)
    return [order_of(row) for row in rows]
