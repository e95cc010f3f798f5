"""How promises to orders that wait are read and written."""

from collections.abc import Collection, Sequence
from itertools import groupby
from uuid import UUID

from msgspec import UNSET

from onhand.common.contracts import LinePromise
from onhand.common.database import Transaction
from onhand.inventory.domain.promises import Delivery, WaitingLine


async def find_queue(tx: Transaction, product_ids: Collection[str]) -> list[WaitingLine]:
    """Read who waits for products, in the order of the queue.

    Products of which nothing is expected are left out, but for those whom something was promised: there may be a long
    queue for them, and nothing to tell it.
    """
    rows = await tx.fetch(
        """
        SELECT holder_id, row_no, product_id, waiting, promised_at FROM reservations
        WHERE product_id = ANY($1) AND waiting > 0 AND (promised_at IS NOT NULL OR product_id IN (
            SELECT product_id FROM incoming WHERE product_id = ANY($1) AND replaced_at IS NULL AND quantity > 0
        ))
        ORDER BY product_id, queue_no
        """,
        list(product_ids),
    )
    return [WaitingLine(*row) for row in rows]


async def find_deliveries(tx: Transaction, product_ids: Collection[str]) -> list[Delivery]:
    """Read what is expected of products, in the order in which it comes."""
    rows = await tx.fetch(
        """
        SELECT product_id, location_id, quantity, expected_at FROM incoming
        WHERE product_id = ANY($1) AND replaced_at IS NULL AND quantity > 0
        ORDER BY product_id, expected_at, incoming_id
        """,
        list(product_ids),
    )
    return [Delivery(*row) for row in rows]


async def save_promises(tx: Transaction, lines: Sequence[WaitingLine]) -> None:
    """Store what is promised to lines. To be called after `next_revisions`, which locks their orders."""
    await tx.execute(
        """
        UPDATE reservations SET promised_at = given.promised_at
        FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[]) AS given (holder_id, row_no, promised_at)
        WHERE reservations.holder_id = given.holder_id AND reservations.row_no = given.row_no
        """,
        [line.order_id for line in lines],
        [line.row_no for line in lines],
        [line.promised_at for line in lines],
    )


async def find_promises(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, tuple[LinePromise, ...]]:
    """Read what is promised to each line of orders that waits, in the order of the lines."""
    rows = await tx.fetch(
        """
        SELECT holder_id, product_id, promised_at FROM reservations
        WHERE holder_id = ANY($1) AND waiting > 0 ORDER BY holder_id, line_no
        """,
        list(order_ids),
    )
    return {
        order_id: tuple(LinePromise(row["product_id"], row["promised_at"] or UNSET) for row in of_order)
        for order_id, of_order in groupby(rows, key=lambda row: row["holder_id"])
    }
