"""Replays messages: what is put on the streams once more has to change nothing."""

import asyncio
import time
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from onhand.cli.verification import messages
from onhand.cli.verification.findings import Finding
from onhand.cli.verification.snapshots import Books, Snapshot
from onhand.common.contracts import CreateOrder, HoldStock, OrderCreated, StockReserved
from onhand.common.messaging.envelope import Outgoing, decode
from onhand.common.messaging.inspection import EntryId, backlogs
from onhand.common.messaging.streams import Streams

_MESSAGES_AT_ONCE = 1000
_PAUSE_SECONDS = 0.05
_TOPICS = {message.TOPIC for message in (CreateOrder, OrderCreated, StockReserved, HoldStock)}

_LATEST_ENDED = """
    SELECT order_id, idempotency_key, revision, version FROM orders
    WHERE status <> 'pending' ORDER BY order_id DESC LIMIT $1
"""
_LOGS = """
    SELECT order_id, version, type, data, caused_by FROM order_events
    WHERE order_id = ANY($1) ORDER BY order_id, version
"""
_CHANGES = "SELECT change_id, data FROM order_changes WHERE order_id = ANY($1)"
_SHARES = """
    SELECT holder_id, line_no, granted, waiting, reason, available FROM reservations
    WHERE holder_id = ANY($1) ORDER BY holder_id, row_no
"""
_LATEST_HOLDS = """
    SELECT reservation_id, lines, ttl_seconds, reference
    FROM holds WHERE state <> 'active' ORDER BY ended_at DESC LIMIT $1
"""
_LATEST_MOVEMENTS = """
    SELECT movement_id, type, product_id, location_id, quantity, on_hand, reason, reference, idempotency_key
    FROM movements WHERE movement_id IN (
        SELECT movement_id FROM movements WHERE order_id IS NULL ORDER BY seq DESC LIMIT $1
    ) ORDER BY movement_id, entry_no
"""

# One hash for each order, hold or movement in each table.
_ORDERS_STATE = """
    SELECT 'order', order_id, md5(orders::text) FROM orders WHERE order_id = ANY($1)
    UNION ALL
    SELECT 'log', order_id, md5(string_agg(order_events::text, ' ' ORDER BY version))
    FROM order_events WHERE order_id = ANY($1) GROUP BY order_id
    UNION ALL
    SELECT 'changes', order_id, md5(string_agg(order_changes::text, ' ' ORDER BY change_id))
    FROM order_changes WHERE order_id = ANY($1) GROUP BY order_id
"""
_INVENTORY_STATE = """
    SELECT 'reservation', holder_id, md5(string_agg(reservations::text, ' ' ORDER BY row_no))
    FROM reservations WHERE holder_id = ANY($1) GROUP BY holder_id
    UNION ALL
    SELECT 'hold', reservation_id, md5(holds::text) FROM holds WHERE reservation_id = ANY($1)
    UNION ALL
    SELECT 'movement', movement_id, md5(string_agg(movements::text, ' ' ORDER BY entry_no))
    FROM movements WHERE movement_id = ANY($1) GROUP BY movement_id
    UNION ALL
    SELECT 'sales and returns', order_id, md5(string_agg(movements::text, ' ' ORDER BY seq))
    FROM movements WHERE order_id = ANY($1) GROUP BY order_id
"""
# Orders of which something else has been told meanwhile: somebody cancelled them, or what they waited for has come.
_CHANGED_BY_OTHERS = """
    SELECT DISTINCT order_id FROM order_events
    JOIN unnest($1::uuid[], $2::integer[]) AS known (order_id, version) USING (order_id)
    WHERE order_events.version > known.version AND NOT caused_by = ANY($3)
"""

State = dict[tuple[str, UUID], str]


class _Plan(NamedTuple):
    """What is replayed.

    Attributes:
        ids: of all orders, holds and movements that it is about.
        versions: of the orders, before.
        causes: ids of all messages.
    """

    messages: list[Outgoing]
    ids: list[UUID]
    versions: dict[UUID, int]
    causes: list[str]


async def replay_latest(books: Books, streams: Streams, count: int, within_seconds: float) -> list[Finding]:
    """Put the messages of the latest orders, holds and movements on the streams once more, and see what that changes.

    What it does to the stock of a product is not looked at here: whether stock adds up is checked anyway, afterwards.

    Raises:
        Unavailable, NoReply: Redis is away.
    """
    async with books.snapshot() as snapshot:
        plan = await _plan(snapshot, count)
        before = await _state(snapshot, plan.ids)
    stuck = [Finding("I4", "streams", f"still hold replayed messages after {within_seconds:g} s")]
    for start in range(0, len(plan.messages), _MESSAGES_AT_ONCE):
        await streams.tell(plan.messages[start : start + _MESSAGES_AT_ONCE])
        if not await _are_handled(streams, within_seconds):
            return stuck
    # What was handled has led to messages of its own.
    if plan.messages and not await _are_handled(streams, within_seconds):
        return stuck
    changed = await _changed(books, plan, before, within_seconds)
    return [Finding("I4", str(it), f"had its {what} changed by a replay") for what, it in sorted(changed)]


async def _plan(snapshot: Snapshot, count: int) -> _Plan:
    orders = await snapshot.orders.fetch(_LATEST_ENDED, count)
    order_ids = [row["order_id"] for row in orders]
    logs = _grouped(await snapshot.orders.fetch(_LOGS, order_ids), "order_id")
    changes = {row["change_id"]: row for row in await snapshot.orders.fetch(_CHANGES, order_ids)}
    shares = _grouped(await snapshot.inventory.fetch(_SHARES, order_ids), "holder_id")
    holds = await snapshot.inventory.fetch(_LATEST_HOLDS, count)
    movements = _grouped(await snapshot.inventory.fetch(_LATEST_MOVEMENTS, count), "movement_id")
    told = [
        *(
            it
            for row in orders
            if (order_id := row["order_id"]) in logs
            for it in messages.of_order(row, logs[order_id], changes, shares.get(order_id, []))
        ),
        *(it for row in holds for it in messages.of_hold(row)),
        *(it for entries in movements.values() for it in messages.of_movement(entries)),
    ]
    return _Plan(
        told,
        [*order_ids, *(row["reservation_id"] for row in holds), *movements],
        {row["order_id"]: row["version"] for row in orders},
        [decode(it.payload).id for it in told],
    )


def _grouped(rows: Sequence[Any], name: str) -> dict[UUID, list[Any]]:
    return {it: list(group) for it, group in groupby(rows, itemgetter(name))}


async def _state(snapshot: Snapshot, ids: Sequence[UUID]) -> State:
    rows = await snapshot.orders.fetch(_ORDERS_STATE, ids)
    rows += await snapshot.inventory.fetch(_INVENTORY_STATE, ids)
    return {(what, it): digest for what, it, digest in rows}


async def _changed(books: Books, plan: _Plan, before: State, within_seconds: float) -> set[tuple[str, UUID]]:
    """What is not as it was, but for orders that something else has changed, which may take a moment to be told."""
    deadline = time.monotonic() + within_seconds
    while True:
        is_last = time.monotonic() >= deadline
        async with books.snapshot() as snapshot:
            after = await _state(snapshot, plan.ids)
            versions = [*plan.versions], [*plan.versions.values()]
            others = {row[0] for row in await snapshot.orders.fetch(_CHANGED_BY_OTHERS, *versions, plan.causes)}
        changed = {it for it in before.keys() | after.keys() if before.get(it) != after.get(it) and it[1] not in others}
        if is_last or not changed:
            return changed
        await asyncio.sleep(_PAUSE_SECONDS)


async def _are_handled(streams: Streams, within_seconds: float) -> bool:
    """Wait until every group has finished with what is on the streams now; tells whether that was in time."""
    deadline = time.monotonic() + within_seconds
    marks: dict[str, EntryId] = {backlog.stream: backlog.newest for backlog in await backlogs(streams)}
    while True:
        groups = await backlogs(streams)
        # A topic that nobody reads has no group, and so nothing that would show as unread.
        is_read = {group.stream.rpartition(".")[0] for group in groups} >= _TOPICS
        if is_read and not any(group.has_to_do(marks.get(group.stream, (0, 0))) for group in groups):
            return True
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(_PAUSE_SECONDS)
