"""Replays messages: what is put on the streams once more has to change nothing.

The messages are made again from what is stored, with the ids they had where these are stored. `OrderConfirmed` and
`OrderRejected` are left out: no service of ours reads them, and listeners of others need not be woken.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from onhand.cli.verification.findings import Finding
from onhand.cli.verification.snapshots import Books, Snapshot
from onhand.common.contracts import Command, CreateOrder, Event, OrderCreated, StockRejected, StockReserved
from onhand.common.messaging.envelope import Outgoing, encode, wrap
from onhand.common.messaging.inspection import EntryId, backlogs
from onhand.common.messaging.streams import Streams

_MESSAGES_AT_ONCE = 1000
_PAUSE_SECONDS = 0.05
_TOPICS = {message.TOPIC for message in (CreateOrder, OrderCreated, StockReserved)}

_LATEST_ENDED = """
    SELECT orders.order_id, customer_id, product_id, quantity,
           created.caused_by AS command_id, ended.caused_by AS answer_id
    FROM orders
    JOIN order_events created ON created.order_id = orders.order_id AND created.version = 1
    JOIN order_events ended ON ended.order_id = orders.order_id AND ended.version = orders.version
    WHERE status <> 'pending' ORDER BY orders.order_id DESC LIMIT $1
"""
_DECISIONS = "SELECT order_id, quantity, reason, available FROM reservations WHERE order_id = ANY($1)"

# One hash for each order in each table.
_ORDERS_STATE = """
    SELECT 'order', order_id, md5(orders::text) FROM orders WHERE order_id = ANY($1)
    UNION ALL
    SELECT 'log', order_id, md5(string_agg(order_events::text, ' ' ORDER BY version))
    FROM order_events WHERE order_id = ANY($1) GROUP BY order_id
"""
_INVENTORY_STATE = """
    SELECT 'reservation', order_id, md5(reservations::text) FROM reservations WHERE order_id = ANY($1)
"""

State = dict[tuple[str, UUID], str]


async def replay_latest(books: Books, streams: Streams, count: int, within_seconds: float) -> list[Finding]:
    """Put the messages of the latest orders that have ended on the streams once more, and see what that changes.

    What it does to the stock of a product is not looked at here: whether stock adds up is checked anyway, afterwards.

    Raises:
        Unavailable, NoReply: Redis is away.
    """
    async with books.snapshot() as snapshot:
        orders = await snapshot.orders.fetch(_LATEST_ENDED, count)
        order_ids = [order["order_id"] for order in orders]
        decisions = {row["order_id"]: row for row in await snapshot.inventory.fetch(_DECISIONS, order_ids)}
        before = await _state(snapshot, order_ids)
    messages = [message for order in orders for message in _messages(order, decisions.get(order["order_id"]))]
    stuck = [Finding("I4", "streams", f"still hold replayed messages after {within_seconds:g} s")]
    for start in range(0, len(messages), _MESSAGES_AT_ONCE):
        await streams.tell(messages[start : start + _MESSAGES_AT_ONCE])
        if not await _are_handled(streams, within_seconds):
            return stuck
    # What was handled has led to messages of its own.
    if messages and not await _are_handled(streams, within_seconds):
        return stuck
    async with books.snapshot() as snapshot:
        after = await _state(snapshot, order_ids)
    changed = [place for place in before.keys() | after.keys() if before.get(place) != after.get(place)]
    return [Finding("I4", str(it), f"had its {what} changed by a replay") for what, it in sorted(changed)]


async def _state(snapshot: Snapshot, order_ids: Sequence[UUID]) -> State:
    rows = await snapshot.orders.fetch(_ORDERS_STATE, order_ids)
    rows += await snapshot.inventory.fetch(_INVENTORY_STATE, order_ids)
    return {(what, order_id): digest for what, order_id, digest in rows}


def _messages(order: Any, decision: Any) -> Iterator[Outgoing]:  # noqa: ANN401  # rows; asyncpg ships no types
    taken = {name: order[name] for name in ("order_id", "customer_id", "product_id", "quantity")}
    yield _message(CreateOrder(**taken), "/gateway", order["command_id"])
    yield _message(OrderCreated(**taken), "/orders")
    if decision and decision["reason"] is None:
        yield _message(StockReserved(order_id=order["order_id"]), "/inventory", order["answer_id"])
    elif decision:
        rejected = StockRejected(
            order_id=order["order_id"],
            reason=decision["reason"],
            requested=decision["quantity"],
            available=decision["available"],
        )
        yield _message(rejected, "/inventory", order["answer_id"])


def _message(message: Command | Event, source: str, message_id: str = "") -> Outgoing:
    envelope = wrap(message, source=source)
    envelope = msgspec.structs.replace(envelope, id=message_id or envelope.id)
    return Outgoing(message.TOPIC, envelope.subject, encode(envelope))


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
