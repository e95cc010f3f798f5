"""How decisions and reservations are written and read: one statement for a whole batch."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from onhand.common.database import Transaction
from onhand.inventory.domain.allocation import Answer, OpenRow, Released, Row
from onhand.inventory.domain.decisions import DecidedRow, tell_decision
from onhand.inventory.domain.levels import Level


async def save_decisions(tx: Transaction, rows: Sequence[Row], levels: Sequence[Level]) -> bool:
    """Store decisions together with the levels they lead to: all of it, unless one of the orders is decided already.

    To be called after the levels are locked: a decision made meanwhile by another replica is visible only then. Places
    in the queue are given out here, under the same locks, so that those who wait for a product stand in the order in
    which they were decided.

    Returns:
        Whether it was done. If not, nothing has changed: `find_decisions` tells which orders are decided.

    Raises:
        asyncpg.UniqueViolationError: another replica has just decided one of these orders, under a product that this
            one knows nothing of and so has not locked.
    """
    saved: int = await tx.fetchval(
        """
        WITH known AS MATERIALIZED ( -- all of them: to find but one the planner would rather read the whole table
            SELECT FROM reservations WHERE holder_id = ANY($1::uuid[]) AND row_no = 1
        ), decided AS (
            INSERT INTO reservations
                (holder_id, row_no, line_no, product_id, location_id, requested, granted, waiting, queue_no, reason,
                 available)
            SELECT holder_id, row_no, line_no, product_id, location_id, requested, granted, waiting,
                CASE WHEN waiting > 0 THEN nextval('backorder_queue') END, reason, available
            FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::integer[],
                        $7::integer[], $8::integer[], $9::text[], $10::bigint[])
                AS given (holder_id, row_no, line_no, product_id, location_id, requested, granted, waiting, reason,
                          available)
            WHERE NOT EXISTS (SELECT FROM known)
            RETURNING holder_id
        ), changed AS (
            UPDATE stock_levels SET reserved = given.reserved
            FROM unnest($11::text[], $12::text[], $13::bigint[]) AS given (product_id, location_id, reserved)
            WHERE stock_levels.product_id = given.product_id AND stock_levels.location_id = given.location_id
              AND NOT EXISTS (SELECT FROM known)
        )
        SELECT count(*) FROM decided
        """,
        *zip(*rows, strict=True),
        [level.product_id for level in levels],
        [level.location_id for level in levels],
        [level.reserved for level in levels],
    )
    return saved > 0


async def save_tombstones(tx: Transaction, rows: Sequence[Row]) -> None:
    """Store that orders were given up, unless they are decided already; then they stay as they are.

    Args:
        tx: the transaction.
        rows: one for each line.
    """
    await tx.execute(
        """
        INSERT INTO reservations
            (holder_id, row_no, line_no, product_id, location_id, requested, granted, waiting, reason, available,
             released_at)
        SELECT *, statement_timestamp()
        FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::integer[],
                    $7::integer[], $8::integer[], $9::text[], $10::bigint[])
        ON CONFLICT (holder_id, row_no) DO NOTHING
        """,
        *zip(*rows, strict=True),
    )


async def find_decisions(tx: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, Answer]:
    """Read what was decided; orders not decided yet are left out.

    To be read after the levels are locked: a decision made meanwhile by another replica is visible only then.
    """
    rows = await tx.fetch(
        """
        SELECT holder_id, product_id, line_no, requested, granted, queue_no IS NOT NULL, reason, available
        FROM reservations
        WHERE holder_id = ANY($1) AND (requested > 0 OR queue_no IS NULL) -- others fill what was decided to wait
        ORDER BY holder_id, row_no
        """,
        order_ids,
    )
    return {
        order_id: tell_decision(order_id, [DecidedRow(*row[1:]) for row in of_order])
        for order_id, of_order in groupby(map(tuple, rows), key=lambda row: row[0])
    }


async def release_rows(tx: Transaction, holder_ids: Collection[UUID]) -> list[Released]:
    """Note that orders or holds give back what they have, and wait no longer; once, whoever else tries it.

    Returns:
        What is given back now, for whoever locked the levels to take off what is reserved.
    """
    rows = await tx.fetch(
        """
        WITH open AS (
            SELECT holder_id, row_no, waiting FROM reservations WHERE holder_id = ANY($1) AND released_at IS NULL
        )
        UPDATE reservations SET waiting = 0, released_at = statement_timestamp()
        FROM open
        WHERE reservations.holder_id = open.holder_id AND reservations.row_no = open.row_no
          AND reservations.released_at IS NULL
        RETURNING reservations.holder_id, product_id, location_id, granted - shipped, open.waiting
        """,
        list(holder_ids),
    )
    return [Released(*row) for row in rows]


async def hand_over(tx: Transaction, order_ids: Mapping[UUID, UUID]) -> None:
    """Note that orders have taken over what holds had.

    Args:
        tx: the transaction.
        order_ids: for each hold the order that uses it.
    """
    await tx.execute(
        """
        UPDATE reservations SET released_at = statement_timestamp(), taken_by = user_id
        FROM unnest($1::uuid[], $2::uuid[]) AS given (used, user_id) WHERE holder_id = used AND released_at IS NULL
        """,
        list(order_ids),
        list(order_ids.values()),
    )


async def find_open_rows(tx: Transaction, holder_ids: Collection[UUID]) -> dict[UUID, list[OpenRow]]:
    """Read what orders or holds have that has not left, in the order in which they got it."""
    rows = await tx.fetch(
        """
        SELECT holder_id, row_no, product_id, location_id, granted, shipped FROM reservations
        WHERE holder_id = ANY($1) AND released_at IS NULL AND granted > shipped
        ORDER BY holder_id, row_no
        """,
        list(holder_ids),
    )
    found = [OpenRow(*row) for row in rows]
    return {holder_id: list(of_holder) for holder_id, of_holder in groupby(found, key=attrgetter("holder_id"))}


async def next_revisions(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, int]:
    """Count up how often Orders is told news of orders that wait: 1 for the first, one higher each time.

    The counter is in the first row of the order, and is locked until the transaction ends. Whoever is about to tell
    what an order has counts first, and reads what it has in a later statement. So the highest revision tells the
    latest, also if two replicas fill two lines of one order at once.
    """
    rows = await tx.fetch(
        """
        WITH counted AS (
            SELECT holder_id FROM reservations WHERE holder_id = ANY($1) AND row_no = 1
            ORDER BY holder_id FOR NO KEY UPDATE
        )
        UPDATE reservations SET revision = coalesce(revision, 0) + 1
        FROM counted WHERE reservations.holder_id = counted.holder_id AND row_no = 1
        RETURNING reservations.holder_id, revision
        """,
        list(order_ids),
    )
    return dict(rows)
