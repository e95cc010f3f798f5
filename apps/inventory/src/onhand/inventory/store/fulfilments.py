"""How what orders have is sent off, and how what was sent is read."""

from collections.abc import Collection, Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from onhand.common.database import Transaction
from onhand.inventory.domain.allocation import OpenRow
from onhand.inventory.domain.fulfilments import Sent


async def ship_rows(tx: Transaction, rows: Sequence[OpenRow]) -> None:
    """Store how much of each row has left by now."""
    if rows:
        await tx.execute(
            """
            UPDATE reservations SET shipped = given.shipped
            FROM unnest($1::uuid[], $2::integer[], $3::integer[]) AS given (holder_id, row_no, shipped)
            WHERE reservations.holder_id = given.holder_id AND reservations.row_no = given.row_no
            """,
            [row.holder_id for row in rows],
            [row.row_no for row in rows],
            [row.shipped for row in rows],
        )


async def find_sent(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, list[Sent]]:
    """Read what orders were sent and is not back in the stock, by where it left from, the latest first."""
    rows = await tx.fetch(
        """
        SELECT order_id, product_id, location_id, -sum(quantity)::bigint FROM movements WHERE order_id = ANY($1)
        GROUP BY order_id, product_id, location_id HAVING sum(quantity) < 0
        ORDER BY order_id, max(seq) FILTER (WHERE type = 'sale') DESC
        """,
        list(order_ids),
    )
    sent = [Sent(*row) for row in rows]
    return {order_id: list(of_order) for order_id, of_order in groupby(sent, key=attrgetter("order_id"))}
