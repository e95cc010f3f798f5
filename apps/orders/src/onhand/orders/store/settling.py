"""How pending orders are settled without being read."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from onhand.common.contracts import OrderConfirmed, OrderRejected
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Envelope
from onhand.orders.domain.orders import Counters
from onhand.orders.domain.settling import counters_after, status_after
from onhand.orders.store.log import columns
from onhand.orders.store.recent import RECENT, Written


async def settle_orders(
    tx: Transaction, events: Sequence[OrderConfirmed | OrderRejected], causes: Sequence[Envelope]
) -> set[UUID]:
    """Settle those of the orders that are still pending, and log how.

    To lock the rows in the order of their ids beforehand would cost every order. So the order is up to PostgreSQL, and
    a deadlock with another batch about the same orders is possible. It is an error that passes: the batch is tried
    again.

    Args:
        tx: the transaction.
        events: how each order is settled, no order twice.
        causes: for each event, the envelope of the message that led to it.

    Returns:
        The ids of the orders that were settled by this; the others were settled before, or do not exist.
    """
    log, is_read = columns(events, causes), RECENT.is_read
    stored = await tx.fetchrow(
        """
        WITH given AS (
            SELECT * FROM unnest(
                $1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::jsonb[], $7::text[], $8::text[],
                $9::text[]
            ) AS given (order_id, status, reason, progress, type, data, caused_by, source, actor)
        ), settled AS (
            UPDATE orders
            SET status = given.status, reason = given.reason, progress = given.progress, version = version + 1,
                updated_at = statement_timestamp(), turn = greatest(orders.turn, pg_current_xact_id())
            FROM given
            WHERE orders.order_id = given.order_id AND orders.status = 'pending'
            RETURNING orders.order_id, customer_id, version, turn
        ), logged AS (
            INSERT INTO order_events (order_id, version, type, data, caused_by, source, actor, turn)
            SELECT order_id, version, type, data, caused_by, source, actor, turn
            FROM settled JOIN given USING (order_id)
        )
        SELECT array_agg(order_id) AS order_ids, array_agg(version) FILTER (WHERE $10) AS versions,
               array_agg(customer_id) FILTER (WHERE $10) AS customer_ids,
               bool_and(turn = pg_current_xact_id()) AS is_in_turn,
               pg_current_xact_id_if_assigned() AS turn, statement_timestamp() AS recorded_at
        FROM settled
        """,
        [event.order_id for event in events],
        [status_after(event) for event in events],
        [event.reason if isinstance(event, OrderRejected) else None for event in events],
        [_progress(counters_after(event)) for event in events],
        *log,
        is_read,
    )
    order_ids = stored["order_ids"] or ()
    if order_ids and is_read and stored["is_in_turn"]:
        places = {event.order_id: place for place, event in enumerate(events)}
        its = log.at([places[order_id] for order_id in order_ids])
        written = Written(stored["recorded_at"], order_ids, stored["versions"], stored["customer_ids"], its)
        RECENT.remember(stored["turn"], written)
    return set(order_ids)


def _progress(counters: list[Counters] | None) -> str | None:
    return None if counters is None else msgspec.json.encode(counters).decode()
