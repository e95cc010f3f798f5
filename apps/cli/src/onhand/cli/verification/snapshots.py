"""Both databases at one moment each, read order by order.

Everything is streamed in the order of the ids and put together on the way, so that memory does not grow with the number
of orders.
"""

from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from onhand.cli.verification.stories import Decision, History, Order, Story
from onhand.common.database import Database, Transaction

LONGEST_QUERY_SECONDS = 3600.0
_ROWS = 2000

# Of the given orders; of all if none are given.
_ORDERS = """
    SELECT order_id, customer_id, product_id, quantity, status, reason, version
    FROM orders WHERE $1::uuid[] IS NULL OR order_id = ANY($1) ORDER BY order_id
"""
_HISTORIES = """
    SELECT order_id, array_agg(version ORDER BY version), array_agg(type ORDER BY version),
           array_agg(data ORDER BY version)
    FROM order_events WHERE $1::uuid[] IS NULL OR order_id = ANY($1) GROUP BY order_id ORDER BY order_id
"""
_DECISIONS = """
    SELECT order_id, product_id, quantity, reason
    FROM reservations WHERE $1::uuid[] IS NULL OR order_id = ANY($1) ORDER BY order_id
"""

RowT = TypeVar("RowT", Order, History, Decision)


class Books(NamedTuple):
    """The databases of Orders and Inventory."""

    orders: Database
    inventory: Database

    def by_service(self) -> tuple[tuple[str, Database], ...]:
        """Each database with the name of its service."""
        return ("orders", self.orders), ("inventory", self.inventory)

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator["Snapshot"]:
        """Look at both databases, each as it is at one moment, for the length of the block.

        Inventory comes second, so that what was decided for an order is there if the order has ended.
        """
        async with self.orders.snapshot() as orders, self.inventory.snapshot() as inventory:
            yield Snapshot(orders, inventory)


class Snapshot(NamedTuple):
    """Both databases, each in a transaction that reads only."""

    orders: Transaction
    inventory: Transaction

    async def count_orders(self) -> int:
        """How many orders are stored."""
        count: int = await self.orders.fetchval("SELECT count(*) FROM orders", timeout=LONGEST_QUERY_SECONDS)
        return count

    async def count_products(self) -> int:
        """How many products are known."""
        count: int = await self.inventory.fetchval("SELECT count(*) FROM stock", timeout=LONGEST_QUERY_SECONDS)
        return count

    async def stories(self, order_ids: Sequence[UUID] | None = None) -> AsyncIterator[list[Story]]:
        """Yield all that is stored of orders (of all, if none are given) in the order of their ids, many at a time."""
        orders = _Rows(Order._make, await self.orders.cursor(_ORDERS, order_ids, timeout=LONGEST_QUERY_SECONDS))
        histories = _Rows(History._make, await self.orders.cursor(_HISTORIES, order_ids, timeout=LONGEST_QUERY_SECONDS))
        decisions = _Rows(
            Decision._make, await self.inventory.cursor(_DECISIONS, order_ids, timeout=LONGEST_QUERY_SECONDS)
        )
        sources = (orders, histories, decisions)
        while True:
            last = [row_id for source in sources if (row_id := await source.read_on()) is not None]
            upto = min(last, default=None)
            yield _join(orders.take(upto), histories.take(upto), decisions.take(upto))
            if upto is None:
                return


class _Rows(Generic[RowT]):
    """The rows of one cursor, in the order of their ids, as many as are wanted at a time."""

    def __init__(self, make: Callable[[Any], RowT], cursor: Any) -> None:  # noqa: ANN401  # asyncpg ships no types
        self._make: Callable[[Any], RowT] = make
        self._cursor = cursor
        self._rows: list[RowT] = []
        self._is_at_end = False

    async def read_on(self) -> UUID | None:
        """Have rows in hand; returns the id up to which they are known, or None if that is the end."""
        if not self._is_at_end and len(self._rows) < _ROWS:
            rows = await self._cursor.fetch(_ROWS, timeout=LONGEST_QUERY_SECONDS)
            self._is_at_end = len(rows) < _ROWS
            self._rows += map(self._make, rows)
        return None if self._is_at_end else self._rows[-1].order_id

    def take(self, upto: UUID | None) -> dict[UUID, RowT]:
        """Give away the rows in hand up to an id, or all of them."""
        end = len(self._rows) if upto is None else bisect_right(self._rows, upto, key=attrgetter("order_id"))
        taken, self._rows = self._rows[:end], self._rows[end:]
        return {row.order_id: row for row in taken}


def _join(orders: dict[UUID, Order], histories: dict[UUID, History], decisions: dict[UUID, Decision]) -> list[Story]:
    order_ids = {**orders, **histories, **decisions}
    return [Story(it, orders.get(it), histories.get(it), decisions.get(it)) for it in order_ids]
