"""How orders are locked, changed in memory and stored again."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from onhand.common.contracts import Event
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Envelope
from onhand.orders.domain.orders import Order
from onhand.orders.store.log import columns
from onhand.orders.store.recent import RECENT, Written
from onhand.orders.store.rows import order_of


class Change(NamedTuple):
    """Something that has happened to a locked order, and the envelope of the message that led to it."""

    order: Order
    event: Event
    cause: Envelope


async def lock_orders(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, Order]:
    """Read orders and keep them locked until the transaction ends; those that do not exist are left out.

    The locks are taken in the order of the ids, so that two batches do not deadlock.
    """
    rows = await tx.fetch("SELECT * FROM orders WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE", list(order_ids))
    return {row["order_id"]: order_of(row) for row in rows}


async def lock_rows(tx: Transaction, order_ids: Collection[UUID]) -> None:
    """Lock orders as `lock_orders` does, without reading them."""
    await tx.execute("SELECT FROM orders WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE", list(order_ids))


async def save_changes(tx: Transaction, changes: Sequence[Change]) -> None:
    """Store locked orders as they are now, one write for each, and log what has happened to them.

    Their `version` and `updated_at` are set to what is stored.

    Args:
        tx: the transaction.
        changes: in the order in which they happened.
    """
    if not changes:
        return
    log = columns([it.event for it in changes], [it.cause for it in changes])
    versions = [_next_version(it.order) for it in changes]
    orders = {it.order.order_id: it.order for it in changes}
    rows = await tx.fetch(
        """
        WITH given AS (
            SELECT * FROM unnest(
                $1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::integer[], $7::integer[], $8::integer[]
            ) AS given (order_id, status, reason, fulfilment, progress, revision, promise_revision, version)
        ), changed AS (
            UPDATE orders
            SET status = given.status, reason = given.reason, fulfilment = given.fulfilment, progress = given.progress,
                revision = given.revision, promise_revision = given.promise_revision, version = given.version,
                updated_at = statement_timestamp(), turn = greatest(orders.turn, pg_current_xact_id())
            FROM given WHERE orders.order_id = given.order_id
            RETURNING orders.order_id, updated_at, turn
        ), logged AS (
            INSERT INTO order_events (order_id, version, type, data, caused_by, source, actor, turn)
            SELECT order_id, version, type, data, caused_by, source, actor, turn
            FROM unnest(
                $9::uuid[], $10::integer[], $11::text[], $12::jsonb[], $13::text[], $14::text[], $15::text[]
            ) AS entry (order_id, version, type, data, caused_by, source, actor) JOIN changed USING (order_id)
        )
        SELECT order_id, updated_at, turn, pg_current_xact_id() AS own_turn FROM changed
        """,
        list(orders),
        [order.status for order in orders.values()],
        [order.reason or None for order in orders.values()],
        [order.fulfilment for order in orders.values()],
        [msgspec.json.encode(order.counters).decode() for order in orders.values()],
        [order.revision for order in orders.values()],
        [order.promise_revision for order in orders.values()],
        [order.version for order in orders.values()],
        [it.order.order_id for it in changes],
        versions,
        *log,
    )
    for row in rows:
        orders[row["order_id"]].updated_at = row["updated_at"]
    if RECENT.is_read and len(rows) == len(orders) and all(row["turn"] == row["own_turn"] for row in rows):
        its = [it.order for it in changes]
        written = Written(
            rows[0]["updated_at"], [it.order_id for it in its], versions, [it.customer_id for it in its], log
        )
        RECENT.remember(rows[0]["turn"], written)


def _next_version(order: Order) -> int:
    order.version += 1
    return order.version
