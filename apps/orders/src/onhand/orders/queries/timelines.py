"""How an order's event log is told."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec
from msgspec import UNSET

from onhand.common.contracts import GetTimeline, OrderTimeline, TimelineEntry
from onhand.common.contracts.orders import MOST_TIMELINE_ENTRIES
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received
from onhand.common.messaging.versions import in_todays_words
from onhand.orders.queries.orders import no_such_order


async def get_timelines(batch: Sequence[Received[GetTimeline]], tx: Transaction) -> list[Answer]:
    """Answer each with what has happened to its order, or that there is none."""
    found = await _find_entries(tx, {received.message.order_id for received in batch})
    return [
        Answer(
            to=received,
            reply=OrderTimeline(order_id=received.message.order_id, events=tuple(found[received.message.order_id]))
            if received.message.order_id in found
            else no_such_order(received.message.order_id),
        )
        for received in batch
    ]


async def _find_entries(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, list[TimelineEntry]]:
    """Read the last entries of event logs by order."""
    rows = await tx.fetch(
        """
        SELECT log.* FROM unnest($1::uuid[]) AS given (order_id) CROSS JOIN LATERAL (
            SELECT * FROM order_events WHERE order_events.order_id = given.order_id ORDER BY version DESC LIMIT $2
        ) AS log ORDER BY order_id, version
        """,
        list(order_ids),
        MOST_TIMELINE_ENTRIES,
    )
    found: dict[UUID, list[TimelineEntry]] = {}
    for row in rows:
        event_type, data = in_todays_words(row["type"], row["data"])
        entry = TimelineEntry(
            version=row["version"],
            type=event_type,
            at=row["recorded_at"],
            source=row["source"],
            cause=row["caused_by"],
            data=msgspec.json.decode(data, type=dict[str, object]),
            actor=row["actor"] or UNSET,
        )
        found.setdefault(row["order_id"], []).append(entry)
    return found
