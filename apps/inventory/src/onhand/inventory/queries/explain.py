"""Why a product's numbers are what they are, or were what they were.

All of an answer is read by one statement, and so from one snapshot: what is listed adds up to the numbers, whatever
happens meanwhile. The numbers are summed from what is behind them; they are not those of `stock_levels`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from onhand.common.contracts import (
    ExplainedBackorder,
    ExplainedIncoming,
    ExplainedMovement,
    ExplainedReservation,
    ExplainStock,
    LocationLevel,
    Reply,
    RequestRefused,
    StockExplanation,
)
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received

T = TypeVar("T")

_IS_OPEN = "granted > 0 AND decided_at <= asked.moment AND (released_at IS NULL OR released_at > asked.moment)"
_IS_AWAITED = "quantity > 0 AND recorded_at <= asked.moment AND (replaced_at IS NULL OR replaced_at > asked.moment)"
# What had left of a row; of most nothing ever has, and nobody need look.
_SHIPPED = """CASE WHEN shipped = 0 OR asked.is_now THEN shipped ELSE (
    SELECT coalesce(-sum(quantity), 0) FROM movements
    WHERE order_id = holder_id AND entry_no = row_no AND type = 'sale' AND recorded_at <= asked.moment
) END"""

# Now is later than all that is recorded, also if the clock was set back since.
_EXPLAIN = f"""
WITH asked AS MATERIALIZED (
    SELECT product_id, CASE WHEN is_now THEN 'infinity' ELSE moment END AS moment, is_now, most, turn
    FROM unnest($1::text[], $2::timestamptz[], $3::integer[]) WITH ORDINALITY AS asked (product_id, moment, most, turn),
        LATERAL (SELECT moment IS NULL OR moment > statement_timestamp()) AS compared (is_now)
)
SELECT least(moment, statement_timestamp()) AS at,
       levels, movements, reservations, backorders, backorder_count, incoming
FROM asked
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object(
        'locationId', location_id, 'safetyStock', coalesce(definition.safety_stock, 0),
        'onHand', coalesce(moved.units, 0), 'movements', coalesce(moved.entries, 0),
        'reserved', coalesce(held.units, 0), 'reservations', coalesce(held.entries, 0),
        'incoming', coalesce(coming.units, 0), 'deliveries', coalesce(coming.entries, 0)
    ) ORDER BY priority, location_id) AS levels
    FROM stock_levels JOIN locations USING (location_id)
    LEFT JOIN (
        SELECT location_id, sum(quantity) AS units, count(*) AS entries FROM movements
        WHERE product_id = asked.product_id AND recorded_at <= asked.moment GROUP BY location_id
    ) AS moved USING (location_id)
    LEFT JOIN (
        SELECT location_id, sum(units) AS units, count(*) AS entries FROM (
            SELECT location_id, granted - {_SHIPPED} AS units FROM reservations AS held
            WHERE product_id = asked.product_id AND {_IS_OPEN} OFFSET 0 -- or what had left would be looked up twice
        ) AS held WHERE units > 0 GROUP BY location_id
    ) AS held USING (location_id)
    LEFT JOIN (
        SELECT location_id, sum(quantity) AS units, count(*) AS entries FROM incoming
        WHERE product_id = asked.product_id AND {_IS_AWAITED} GROUP BY location_id
    ) AS coming USING (location_id)
    LEFT JOIN (
        SELECT safety_stock FROM definitions
        WHERE product_id = asked.product_id AND defined_at <= asked.moment ORDER BY edition DESC LIMIT 1
    ) AS definition ON true
    WHERE stock_levels.product_id = asked.product_id
) AS levels
CROSS JOIN LATERAL (
    SELECT json_agg(json_strip_nulls(json_build_object(
        'movementId', movement_id, 'type', type, 'locationId', location_id, 'quantity', quantity, 'onHand', on_hand,
        'at', recorded_at, 'orderId', order_id, 'reason', reason, 'reference', reference, 'actor', actor,
        'idempotencyKey', idempotency_key
    )) ORDER BY seq DESC) AS movements
    FROM (
        SELECT * FROM movements WHERE product_id = asked.product_id AND recorded_at <= asked.moment
        ORDER BY seq DESC LIMIT asked.most
    ) AS listed
) AS movements
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object(
        'holder', CASE WHEN EXISTS (SELECT FROM holds WHERE reservation_id = holder_id) THEN 'hold' ELSE 'order' END,
        'holderId', holder_id, 'locationId', location_id, 'quantity', units, 'available', available, 'at', decided_at,
        'isSplit', EXISTS (
            SELECT FROM reservations AS other WHERE other.holder_id = listed.holder_id
                AND other.location_id <> listed.location_id AND other.decided_at <= asked.moment
        )
    ) ORDER BY decided_at DESC, holder_id, row_no) AS reservations
    FROM (
        SELECT * FROM (
            SELECT held.*, granted - {_SHIPPED} AS units FROM reservations AS held
            WHERE product_id = asked.product_id AND {_IS_OPEN}
        ) AS held WHERE units > 0 ORDER BY decided_at DESC, holder_id, row_no LIMIT asked.most
    ) AS listed
) AS reservations
CROSS JOIN LATERAL (
    SELECT json_agg(json_strip_nulls(json_build_object(
        'orderId', holder_id, 'quantity', units, 'at', decided_at, 'promisedAt', promised_at
    )) ORDER BY queue_no) FILTER (WHERE place <= asked.most) AS backorders, count(*) AS backorder_count
    FROM (
        SELECT *, row_number() OVER (ORDER BY queue_no) AS place FROM (
            SELECT holder_id, queue_no, decided_at, promised_at, waiting AS units FROM reservations
            WHERE asked.is_now AND product_id = asked.product_id AND waiting > 0
            UNION ALL
            SELECT holder_id, queue_no, decided_at, NULL, requested - (
                SELECT sum(granted) FROM reservations AS given WHERE given.holder_id = line.holder_id
                    AND given.line_no = line.line_no AND given.decided_at <= asked.moment
            ) FROM reservations AS line
            WHERE NOT asked.is_now AND product_id = asked.product_id AND requested > 0 AND queue_no IS NOT NULL
              AND decided_at <= asked.moment AND (released_at IS NULL OR released_at > asked.moment)
        ) AS waiting WHERE units > 0
    ) AS queue
) AS backorders
CROSS JOIN LATERAL (
    SELECT json_agg(json_strip_nulls(json_build_object(
        'incomingId', incoming_id, 'locationId', location_id, 'quantity', quantity, 'expectedAt', expected_at,
        'reference', reference
    )) ORDER BY expected_at, incoming_id) AS incoming
    FROM (
        SELECT * FROM incoming WHERE product_id = asked.product_id AND {_IS_AWAITED}
        ORDER BY expected_at, incoming_id LIMIT asked.most
    ) AS listed
) AS incoming
ORDER BY turn
"""  # noqa: S608  # put together from the constants above


class _Level(Struct, rename="camel"):
    """Sums of what is at one location, and how many entries they are made of."""

    location_id: str
    safety_stock: int
    on_hand: int
    movements: int
    reserved: int
    reservations: int
    incoming: int
    deliveries: int


async def explain_stock(batch: Sequence[Received[ExplainStock]], tx: Transaction) -> list[Answer]:
    """Answer each with what is behind its product's numbers."""
    queries = [received.message for received in batch]
    rows = await tx.fetch(
        _EXPLAIN,
        [query.product_id for query in queries],
        [query.at or None for query in queries],
        [query.limit for query in queries],
    )
    return [
        Answer(to=received, reply=_tell(received.message.product_id, row))
        for received, row in zip(batch, rows, strict=True)
    ]


def _tell(product_id: str, row: Mapping[str, Any]) -> Reply:
    levels = _read(row["levels"], list[_Level])
    if not levels:
        return RequestRefused(code="product-not-found", detail=f"There is no product {product_id}.")
    on_hand, reserved = sum(level.on_hand for level in levels), sum(level.reserved for level in levels)
    return StockExplanation(
        product_id=product_id,
        at=row["at"],
        on_hand=on_hand,
        reserved=reserved,
        available=on_hand - reserved,
        locations=tuple(
            LocationLevel(
                location_id=level.location_id,
                on_hand=level.on_hand,
                reserved=level.reserved,
                available=level.on_hand - level.reserved,
                incoming=level.incoming,
                safety_stock=level.safety_stock,
            )
            for level in levels
        ),
        movement_count=sum(level.movements for level in levels),
        movements=_read(row["movements"], tuple[ExplainedMovement, ...]),
        reservation_count=sum(level.reservations for level in levels),
        reservations=_read(row["reservations"], tuple[ExplainedReservation, ...]),
        backorder_count=row["backorder_count"],
        backorders=_read(row["backorders"], tuple[ExplainedBackorder, ...]),
        incoming_count=sum(level.deliveries for level in levels),
        incoming=_read(row["incoming"], tuple[ExplainedIncoming, ...]),
    )


def _read(entries: str | None, kind: type[T]) -> T:
    return msgspec.json.decode(entries or "[]", type=kind)
