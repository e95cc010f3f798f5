"""How new orders are stored."""

from collections.abc import Sequence
from uuid import UUID

from onhand.common.contracts import OrderCreated
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Envelope
from onhand.orders.store.asking import MOST_NOTED_TOGETHER
from onhand.orders.store.log import columns
from onhand.orders.store.recent import RECENT, Written


async def insert_orders(
    tx: Transaction, events: Sequence[OrderCreated], keys: Sequence[str | None], causes: Sequence[Envelope]
) -> set[UUID]:
    """Store new orders with their first event, unless there is one with the same id or the same key.

    Those that are new are noted as asked for.

    If another transaction is just storing one of these, this waits for its end. All have to give them in the same
    order, therefore: that of the keys, then of the ids.

    Args:
        tx: the transaction.
        events: one per order, no order twice.
        keys: for each order its idempotency key, none twice; None if it has none.
        causes: for each order, the envelope of the message that led to it.

    Returns:
        The ids of those that were new; the others stay as they are.
    """
    log = columns(events, causes)
    stored = await tx.fetchrow(
        """
        WITH given AS (
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::text[], $5::text[], $6::text[])
                AS given (order_id, idempotency_key, data, caused_by, source, actor)
        ), inserted AS (
            INSERT INTO orders (order_id, customer_id, lines, policy, reservation_id, reference, metadata,
                                idempotency_key, status)
            SELECT order_id, data ->> 'customerId', data -> 'lines', coalesce(data ->> 'policy', 'all-or-nothing'),
                   (data ->> 'reservationId')::uuid, data ->> 'reference', data -> 'metadata',
                   idempotency_key, 'pending'
            FROM given
            ON CONFLICT DO NOTHING
            RETURNING order_id, version, lines, turn
        ), asked AS (
            INSERT INTO asked_orders (order_ids)
            SELECT array_agg(order_id) FROM (SELECT order_id, row_number() OVER () AS place FROM inserted) AS new
            GROUP BY (place - 1) / $8
        ), listed AS (
            INSERT INTO order_products (product_id, order_id)
            SELECT line ->> 'productId', order_id FROM inserted, jsonb_array_elements(lines) AS line
        ), logged AS (
            INSERT INTO order_events (order_id, version, type, data, caused_by, source, actor, turn)
            SELECT order_id, version, $7, data, caused_by, source, actor, turn FROM inserted JOIN given USING (order_id)
        )
        SELECT array_agg(order_id) AS order_ids, pg_current_xact_id_if_assigned() AS turn,
               statement_timestamp() AS recorded_at
        FROM inserted
        """,
        [event.order_id for event in events],
        keys,
        log.data,
        log.caused_by,
        log.sources,
        log.actors,
        OrderCreated.TYPE,
        MOST_NOTED_TOGETHER,
    )
    new = set(stored["order_ids"] or ())
    if new and RECENT.is_read:
        places = [place for place, event in enumerate(events) if event.order_id in new]
        placed = [events[place] for place in places]
        written = Written(
            stored["recorded_at"],
            [event.order_id for event in placed],
            [1] * len(placed),
            [event.customer_id for event in placed],
            log.at(places),
        )
        RECENT.remember(stored["turn"], written)
    return new
