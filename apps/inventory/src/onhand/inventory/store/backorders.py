"""How the queue of those that wait for units is read, and how they are given some."""

from collections.abc import Collection, Sequence
from itertools import groupby
from uuid import UUID

from onhand.common.database import Transaction
from onhand.inventory.domain.backorders import Allocation, Fill, Waiting


async def find_waiting(tx: Transaction, product_ids: Collection[str], most: int) -> list[Waiting]:
    """Read who waits for products, in the order of the queue.

    To be read after the levels are locked: who waits for a product only changes under the locks of its levels.

    Args:
        tx: the transaction.
        product_ids: what is waited for.
        most: rows of each product; who has so many units to give needs no more.
    """
    rows = await tx.fetch(
        """
        SELECT holder_id, row_no, line_no, product_id, waiting, queue_no
        FROM unnest($1::text[]) AS given (wanted) CROSS JOIN LATERAL (
            SELECT * FROM reservations WHERE product_id = wanted AND waiting > 0 ORDER BY queue_no LIMIT $2
        ) AS queue
        ORDER BY queue_no
        """,
        list(product_ids),
        most,
    )
    return [Waiting(*row) for row in rows]


async def save_fills(tx: Transaction, fills: Sequence[Fill]) -> None:
    """Store what was given to those that wait: a row for each place, with the place in the queue that it fills.

    To be called after `next_revisions`, which keeps others from adding rows to the same orders.
    """
    await tx.execute(
        """
        WITH given AS (
            SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::integer[],
                                 $7::bigint[], $8::bigint[]) WITH ORDINALITY
                AS given (holder_id, row_no, line_no, product_id, location_id, granted, available, queue_no, position)
        ), filled AS (
            UPDATE reservations SET waiting = waiting - filling.units
            FROM (SELECT holder_id, row_no, sum(granted)::integer AS units FROM given GROUP BY holder_id, row_no)
                AS filling
            WHERE reservations.holder_id = filling.holder_id AND reservations.row_no = filling.row_no
        )
        INSERT INTO reservations
            (holder_id, row_no, line_no, product_id, location_id, requested, granted, queue_no, available)
        SELECT holder_id,
            (SELECT max(row_no) FROM reservations WHERE reservations.holder_id = given.holder_id)
                + row_number() OVER (PARTITION BY holder_id ORDER BY position),
            line_no, product_id, location_id, 0, granted, queue_no, available
        FROM given
        """,
        [fill.waiting.order_id for fill in fills],
        [fill.waiting.row_no for fill in fills],
        [fill.waiting.line_no for fill in fills],
        [fill.waiting.product_id for fill in fills],
        [fill.location_id for fill in fills],
        [fill.units for fill in fills],
        [fill.available for fill in fills],
        [fill.waiting.queue_no for fill in fills],
    )


async def find_allocations(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, list[Allocation]]:
    """Read what each line of orders has been given so far and still waits for, in the order of the lines."""
    rows = await tx.fetch(
        """
        SELECT holder_id, min(product_id), sum(granted), sum(waiting) FROM reservations
        WHERE holder_id = ANY($1) GROUP BY holder_id, line_no ORDER BY holder_id, line_no
        """,
        list(order_ids),
    )
    return {
        order_id: [Allocation(*row[1:]) for row in of_order]
        for order_id, of_order in groupby(map(tuple, rows), key=lambda row: row[0])
    }
