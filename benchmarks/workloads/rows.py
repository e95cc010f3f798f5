"""What PostgreSQL could store at most: the rows that an order leaves behind, all at once and on one connection."""

from typing import Any

import asyncpg
from uuid_utils.compat import uuid7

from benchmarks.basket import CUSTOMER
from benchmarks.workloads.repeating import repeat
from benchmarks.workloads.results import Sample
from onhand.cli.migrations import migrate

_BATCH = 100
_TABLES = {"orders": 1, "order_products": 1, "order_events": 2, "reservations": 1}
"""Rows that each order leaves in them when it is confirmed. What comes and goes before is not written."""
_SHELF = """
    INSERT INTO products (product_id) VALUES ('123');
    INSERT INTO stock_levels (product_id, location_id, on_hand) VALUES ('123', 'main', 1000000000000);
"""
_STORE = f"""
    WITH given AS (
        SELECT order_id, '[{{"productId": "123", "quantity": 5}}]'::jsonb AS lines
        FROM unnest($1::uuid[]) AS given (order_id)
    ), stored AS (
        INSERT INTO orders (order_id, customer_id, lines, status, version)
        SELECT order_id, '{CUSTOMER}', lines, 'confirmed', 2 FROM given
    ), listed AS (
        INSERT INTO order_products (product_id, order_id) SELECT '123', order_id FROM given
    ), logged AS (
        INSERT INTO order_events (order_id, version, type, data, caused_by, source)
        SELECT order_id, version, type, data || jsonb_build_object('orderId', order_id), order_id::text, source
        FROM given, LATERAL (VALUES
            (1, 'orders.order-created.v2', jsonb_build_object('customerId', '{CUSTOMER}', 'lines', lines), 'gateway'),
            (2, 'orders.order-confirmed.v1', '{{}}', 'inventory')
        ) AS event (version, type, data, source)
    ), reserved AS (
        INSERT INTO reservations (holder_id, row_no, line_no, product_id, location_id, requested, granted, available)
        SELECT order_id, 1, 0, '123', 'main', 5, 5, 1000000000000 FROM given
    )
    UPDATE stock_levels SET reserved = reserved + 5 * (SELECT count(*) FROM given) WHERE product_id = '123'
"""  # noqa: S608  # nothing in it is anybody's


class Rows:
    """A database with the tables of Orders and Inventory, and one prepared statement.

    Attributes:
        stored: orders so far.
    """

    def __init__(self, connection: Any, pid: int) -> None:  # noqa: ANN401  # asyncpg ships no types
        self._connection = connection
        self._pid = pid
        self.stored = 0

    async def run(self, seconds: int) -> Sample:
        """Store batch after batch, each with its COMMIT, for so long."""
        statement = await self._connection.prepare(_STORE)
        count, sample = await repeat(
            lambda: statement.fetch([uuid7() for _ in range(_BATCH)]),
            each=_BATCH,
            seconds=seconds,
            pids={"postgres": self._pid},
            case=f"rows of an order, {_BATCH} in a transaction",
            unit="orders",
        )
        self.stored += count
        return sample

    async def find_missing(self) -> list[str]:
        """Look whether every row is there."""
        wrong = []
        for table, each in _TABLES.items():
            found = await self._connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608  # ours
            if found != each * self.stored:
                wrong.append(f"{found} rows are in {table}, not {each * self.stored}")
        reserved = await self._connection.fetchval("SELECT sum(reserved) FROM stock_levels")
        if reserved != 5 * self.stored:
            wrong.append(f"{reserved} units are reserved, not {5 * self.stored}")
        return wrong

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()


async def open_rows(url: str, pid: int) -> Rows:
    """Make the tables of both services in one database, which is made if need be.

    Args:
        url: of the database.
        pid: of PostgreSQL.
    """
    migrate(url, ["onhand.common", "onhand.orders", "onhand.inventory"])
    connection: Any = await asyncpg.connect(url)
    await connection.execute(_SHELF)
    return Rows(connection, pid)
