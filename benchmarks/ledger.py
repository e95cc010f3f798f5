"""What the databases say: which orders there are, and how much stock is held for them."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg

from benchmarks.basket import CUSTOMER, Basket
from benchmarks.durability import ask_postgres, find_risks
from onhand.common.errors import StartupError

_POLL_SECONDS = 0.02
_QUIET_SECONDS = 0.2
"""No order is pending for so long: what was on its way when the load stopped has arrived."""
# As long as one is, it is among those that were asked for; to read all orders would take as long as many are stored.
_IS_ANY_PENDING = """
    SELECT EXISTS (
        SELECT FROM asked_orders, unnest(order_ids) AS asked (order_id) JOIN orders USING (order_id)
        WHERE status = 'pending'
    )
"""


class Books(NamedTuple):
    """Orders of our customer and stock of what they are for at one moment, when nothing is under way.

    Attributes:
        statuses: number of orders by status.
        confirmed_units: in confirmed orders, as Orders says.
        reserved_units: as Inventory says.
    """

    statuses: dict[str, int]
    confirmed_units: int
    reserved_units: int


class Ledger:
    """Reads both databases. It writes nothing: its sessions are read-only.

    Attributes:
        basket: what is ordered.
    """

    def __init__(self, orders: Any, inventory: Any, basket: Basket) -> None:  # noqa: ANN401  # asyncpg ships no types
        self._orders = orders
        self._inventory = inventory
        self.basket = basket

    async def settled_after(self, limit_seconds: float, ended: float) -> float | None:
        """Wait until no order is pending, for a while.

        Args:
            limit_seconds: how long to wait.
            ended: when the load ended, by the monotonic clock.

        Returns:
            Seconds from then until the last order was not pending any more; None if that takes longer than the limit.
        """
        begun = quiet_since = time.monotonic()
        while (now := time.monotonic()) - quiet_since < _QUIET_SECONDS:
            await asyncio.sleep(_POLL_SECONDS)
            if await self.is_busy():
                quiet_since = time.monotonic()
            if now - begun > limit_seconds:
                return None
        return quiet_since - ended

    async def is_busy(self) -> bool:
        """Whether an order is pending."""
        return bool(await self._orders.fetchval(_IS_ANY_PENDING))

    async def books(self) -> Books:
        """Count everything."""
        statuses = await self._orders.fetch(
            """
            SELECT status, count(*) AS orders, sum(units) AS units
            FROM orders, LATERAL (
                SELECT sum((line ->> 'quantity')::bigint) AS units FROM jsonb_array_elements(lines) AS line
            ) AS ordered
            WHERE customer_id = $1 GROUP BY status
            """,
            CUSTOMER,
        )
        reserved = await self._inventory.fetchval(
            "SELECT sum(reserved) FROM stock_levels WHERE product_id = ANY($1)", list(self.basket.products)
        )
        return Books(
            statuses={row["status"]: row["orders"] for row in statuses},
            confirmed_units=sum(int(row["units"]) for row in statuses if row["status"] == "confirmed"),
            reserved_units=int(reserved or 0),
        )

    async def settled_at(self, order_ids: Sequence[str]) -> dict[str, float]:
        """When each of these was settled, which is what the log tells second of an order (seconds since 1970).

        It is the time of the statement that settled it: this and its commit come after.
        """
        rows = await self._orders.fetch(
            """
            SELECT order_id::text, extract(epoch FROM recorded_at)::float8 AS settled_at
            FROM order_events WHERE version = 2 AND order_id = ANY($1::uuid[])
            """,
            order_ids,
        )
        return {row["order_id"]: row["settled_at"] for row in rows}

    async def settings(self) -> dict[str, str]:
        """What PostgreSQL says of how safely it writes orders."""
        return await ask_postgres(self._orders)

    async def risks(self) -> list[str]:
        """Say what lets either database lose what it took; empty if nothing does."""
        databases = {"PostgreSQL of orders": self._orders, "PostgreSQL of inventory": self._inventory}
        return [risk for name, it in databases.items() for risk in find_risks(name, await ask_postgres(it))]

    async def close(self) -> None:
        """Close both connections."""
        await self._orders.close()
        await self._inventory.close()


async def open_ledger(orders_url: str, inventory_url: str, basket: Basket) -> Ledger:
    """Connect to both databases.

    Raises:
        StartupError: one cannot be reached.
    """
    orders = await connect_reader("ORDERS_DATABASE_URL", orders_url)
    try:
        return Ledger(orders, await connect_reader("INVENTORY_DATABASE_URL", inventory_url), basket)
    except StartupError:
        await orders.close()
        raise


async def connect_reader(setting: str, url: str) -> Any:  # noqa: ANN401  # asyncpg ships no types
    """Connect to a database of which nothing is changed; `setting` names what to mend if that fails.

    Raises:
        StartupError: it cannot be reached.
    """
    try:
        return await asyncpg.connect(
            url, timeout=5, server_settings={"default_transaction_read_only": "on", "application_name": "benchmark"}
        )
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StartupError(
            f"cannot count the orders: {str(error) or type(error).__name__}. "
            f"Set {setting}, or ONHAND_HOME, to those of the system under load"
        ) from None
