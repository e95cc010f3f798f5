"""How orders that wait for Inventory are found.

They are noted as they were asked for, many in one row: an index over the orders themselves would be touched by each
that is settled. Rows are looked at in turn, those that were asked for longest ago first, and so many at a time that
they have no more orders than a limit: a row may have a hundred, or one.
"""

from onhand.common.database import Transaction
from onhand.orders.domain.orders import Order
from onhand.orders.store.rows import order_of

MOST_NOTED_TOGETHER = 100
"""Orders in one row."""
_MOST_TAKEN = 1000
_MOST_LOOKED_AT = 20_000

# One that was asked for in the future is due, too: the clock was set back since.
_DUE = """
    SELECT batch_id FROM (
        SELECT batch_id, sum(cardinality(order_ids)) OVER (ORDER BY asked_at, batch_id) AS orders FROM (
            SELECT * FROM asked_orders
            WHERE asked_at NOT BETWEEN statement_timestamp() - make_interval(secs => $1)
                                   AND statement_timestamp() + make_interval(secs => $1)
              AND asked_at NOT BETWEEN statement_timestamp() - make_interval(secs => $1 * 2 ^ least(asks - 1, 5))
                                   AND statement_timestamp() + make_interval(secs => $1)
            ORDER BY asked_at, batch_id LIMIT $2 {lock}
        ) AS due
    ) AS counted WHERE orders <= $2
"""
# `= ANY (ARRAY (SELECT ...))` is looked up once. What is behind `IN` may be looked up for each row of the table, if
# that was short when the plan was made; what was taken by then is not found any more, but what comes after it.
_FORGET_ANSWERED = f"""
    DELETE FROM asked_orders WHERE batch_id = ANY (ARRAY (
        SELECT batch_id FROM asked_orders
        WHERE batch_id = ANY (ARRAY ({_DUE.format(lock="")}))
          AND NOT EXISTS (SELECT FROM orders WHERE order_id = ANY (order_ids) AND status = 'pending')
        FOR UPDATE SKIP LOCKED
    ))
"""  # noqa: S608  # from above
_TAKE = f"""
    UPDATE asked_orders SET asks = asks + 1, asked_at = statement_timestamp()
    WHERE batch_id = ANY (ARRAY ({_DUE.format(lock="FOR UPDATE SKIP LOCKED")}))
    RETURNING order_ids
"""  # noqa: S608  # from above


async def take_unanswered(tx: Transaction, older_than_seconds: float) -> list[Order]:
    """Take orders that have waited for Inventory since they were last asked for, and note that they are asked again.

    The wait doubles with each time, up to 32-fold. What another replica is taking is skipped.
    """
    taken = await tx.fetch(_TAKE, older_than_seconds, _MOST_TAKEN)
    if not taken:
        return []
    order_ids = [order_id for row in taken for order_id in row["order_ids"]]
    rows = await tx.fetch(
        "SELECT * FROM orders WHERE order_id = ANY($1) AND status = 'pending' ORDER BY order_id", order_ids
    )
    return [order_of(row) for row in rows]


async def forget_answered(tx: Transaction, older_than_seconds: float) -> None:
    """Forget what would be due to be asked for again, if none of it waits any more."""
    await tx.execute(_FORGET_ANSWERED, older_than_seconds, _MOST_LOOKED_AT)
