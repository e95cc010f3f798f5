"""What is on disk, and what must be true of it whatever has happened."""

import asyncio
from collections import Counter
from collections.abc import Collection
from typing import Any

import asyncpg
from redis import Redis

from tests.e2e.system import System
from tests.e2e.traffic import stock
from tests.e2e.waiting import eventually

_OUTCOMES = {
    "confirmed": ["orders.order-created.v1", "orders.order-confirmed.v1"],
    "rejected": ["orders.order-created.v1", "orders.order-rejected.v1"],
}


def read(system: System, service: str, query: str) -> list[Any]:
    """Ask the database of a service."""

    async def fetch() -> list[Any]:
        connection = await asyncpg.connect(system.database_url(service))
        try:
            rows: list[Any] = await connection.fetch(query)
            return rows
        finally:
            await connection.close()

    return asyncio.run(fetch())


def check_books(system: System, accepted: Collection[str]) -> None:
    """Wait until everything is settled, and make sure that nothing was lost, done twice or sold twice.

    Args:
        system: may have been through anything, but everything runs again.
        accepted: ids of the orders that were answered 201; more may be stored, of which the customer heard nothing.
    """
    eventually(lambda: not _groups(system, "lag"))
    eventually(lambda: not read(system, "orders", "SELECT FROM orders WHERE status = 'pending' LIMIT 1"))
    orders = {str(row["order_id"]): row for row in read(system, "orders", "SELECT * FROM orders")}
    assert len(set(accepted)) == len(accepted)
    assert set(accepted) <= orders.keys(), "an order that was answered 201 is not stored"
    _check_history(system, orders)
    _check_reservations(system, orders)
    _check_stock(system)
    for service in ("orders", "inventory"):
        assert not read(system, service, "SELECT topic, error FROM dead_letters")
        eventually(lambda service=service: not read(system, service, "SELECT FROM outbox"))  # type: ignore[misc]


def check_streams(system: System) -> None:
    """Wait until every message that was read is acknowledged."""
    eventually(lambda: not _groups(system, "pending"))


def _groups(system: System, waiting: str) -> list[tuple[str, str]]:
    """The streams and their groups that have messages waiting: not read ("lag"), or not acknowledged ("pending")."""
    with Redis.from_url(system.redis_url, decode_responses=True) as redis:
        return [
            (key, group["name"])
            for key in redis.scan_iter(_type="stream")
            for group in redis.xinfo_groups(key)
            if group[waiting]
        ]


def _check_history(system: System, orders: dict[str, Any]) -> None:
    """Each order was created once and ended once, as its status says."""
    rows = read(
        system, "orders", "SELECT order_id, array_agg(type ORDER BY version) AS types FROM order_events GROUP BY 1"
    )
    histories = {str(row["order_id"]): row["types"] for row in rows}
    assert histories == {order_id: _OUTCOMES[order["status"]] for order_id, order in orders.items()}


def _check_reservations(system: System, orders: dict[str, Any]) -> None:
    """Inventory decided each order once, and Orders ended it as decided."""
    decisions = {str(row["order_id"]): row for row in read(system, "inventory", "SELECT * FROM reservations")}
    for name in ("product_id", "quantity", "reason"):
        assert {order_id: row[name] for order_id, row in decisions.items()} == {
            order_id: row[name] for order_id, row in orders.items()
        }


def _check_stock(system: System) -> None:
    """What is reserved is the sum of the reservations, and never more than there is."""
    held: Counter[str] = Counter()
    for row in read(system, "inventory", "SELECT product_id, quantity FROM reservations WHERE reason IS NULL"):
        held[row["product_id"]] += row["quantity"]
    for row in read(system, "inventory", "SELECT * FROM stock"):
        level = stock(system, row["product_id"])
        assert level["reserved"] == row["reserved"] == held[row["product_id"]]
        assert level["available"] == level["onHand"] - level["reserved"] >= 0
