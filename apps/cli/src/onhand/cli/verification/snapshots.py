"""Both databases at one moment each, read order by order.

Everything is streamed in the order of the ids and put together on the way, so that memory does not grow with the number
of orders.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import islice, takewhile
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from msgspec import MsgspecError

from onhand.cli.verification.folding import Entry
from onhand.cli.verification.holdings import Movement, Share, Use
from onhand.cli.verification.stories import Order, Story
from onhand.common.database import Database, Transaction, open_database
from onhand.common.messaging.versions import in_todays_words

_open = partial(open_database, statement_seconds=3600.0, reads_tables=True)
_ROWS = 2000

# Of the given orders; of all if none are given. The first column is the order, in the order of which the rows come.
_ORDERS = """
    SELECT order_id, customer_id, lines, policy, status, fulfilment, progress, reason, version,
           reservation_id, reference, metadata
    FROM orders WHERE $1::uuid[] IS NULL OR order_id = ANY($1) ORDER BY order_id
"""
_LOGS = """
    SELECT order_id, version, type, data
    FROM order_events WHERE $1::uuid[] IS NULL OR order_id = ANY($1) ORDER BY order_id, version
"""
# The rows of holds are judged by themselves.
_SHARES = """
    SELECT holder_id, row_no, line_no, product_id, requested, granted, shipped, waiting, reason, available,
           released_at IS NOT NULL
    FROM reservations
    WHERE ($1::uuid[] IS NULL OR holder_id = ANY($1))
      AND NOT EXISTS (SELECT FROM holds WHERE reservation_id = holder_id)
    ORDER BY holder_id, row_no
"""
_MOVEMENTS = """
    SELECT order_id, movement_id, product_id, quantity
    FROM movements WHERE order_id IS NOT NULL AND ($1::uuid[] IS NULL OR order_id = ANY($1)) ORDER BY order_id
"""
_USES = """
    SELECT order_id, reservation_id
    FROM holds WHERE order_id IS NOT NULL AND ($1::uuid[] IS NULL OR order_id = ANY($1)) ORDER BY order_id
"""

RowT = TypeVar("RowT", Order, Entry, Share, Movement, Use)


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


@asynccontextmanager
async def open_books(orders_url: str, inventory_url: str, application: str) -> AsyncGenerator[Books]:
    """Connect to both databases for the length of the block, with the patience to let all of it be read.

    Raises:
        StartupError: one cannot be reached, or was never migrated.
    """
    async with (
        _open(orders_url, "ORDERS_DATABASE_URL", application) as orders,
        _open(inventory_url, "INVENTORY_DATABASE_URL", application) as inventory,
    ):
        yield Books(orders, inventory)


class Snapshot(NamedTuple):
    """Both databases, each in a transaction that reads only."""

    orders: Transaction
    inventory: Transaction

    async def count_orders(self) -> int:
        """How many orders are stored."""
        count: int = await self.orders.fetchval("SELECT count(*) FROM orders")
        return count

    async def count_products(self) -> int:
        """How many products are known."""
        count: int = await self.inventory.fetchval("SELECT count(*) FROM products")
        return count

    async def stories(self, order_ids: Sequence[UUID] | None = None) -> AsyncIterator[list[Story]]:
        """Yield all that is stored of orders (of all, if none are given) in the order of their ids, many at a time."""
        orders = await _rows(Order._make, self.orders, _ORDERS, order_ids)
        logs = await _rows(_entry, self.orders, _LOGS, order_ids)
        shares = await _rows(Share._make, self.inventory, _SHARES, order_ids)
        movements = await _rows(Movement._make, self.inventory, _MOVEMENTS, order_ids)
        uses = await _rows(Use._make, self.inventory, _USES, order_ids)
        while True:
            last = [await source.read_on() for source in (orders, logs, shares, movements, uses)]
            upto = min((it for it in last if it is not None), default=None)
            yield _join(orders.take(upto), logs.take(upto), shares.take(upto), movements.take(upto), uses.take(upto))
            if upto is None:
                return


class _Rows(Generic[RowT]):
    """The rows of one cursor, put together by order, as many as are wanted at a time."""

    def __init__(self, make: Callable[[Any], RowT], cursor: Any) -> None:  # noqa: ANN401  # asyncpg ships no types
        self._make: Callable[[Any], RowT] = make
        self._cursor = cursor
        self._groups: dict[UUID, list[RowT]] = {}
        self._is_at_end = False

    async def read_on(self) -> UUID | None:
        """Have rows in hand; returns the order up to which there are all of them, or None if that is the end."""
        while not self._is_at_end and len(self._groups) < 2:  # of the last one there may be more to come
            rows = await self._cursor.fetch(_ROWS)
            self._is_at_end = len(rows) < _ROWS
            for row in map(self._make, rows):
                if row[0] in self._groups:
                    self._groups[row[0]].append(row)
                else:
                    self._groups[row[0]] = [row]
        return None if self._is_at_end else next(islice(reversed(self._groups), 1, None))

    def take(self, upto: UUID | None) -> dict[UUID, list[RowT]]:
        """Give away the rows in hand up to an order, or all of them."""
        if upto is None:
            taken, self._groups = self._groups, {}
            return taken
        order_ids = list(takewhile(lambda order_id: order_id <= upto, self._groups))
        return {order_id: self._groups.pop(order_id) for order_id in order_ids}


def _entry(row: Any) -> Entry:  # noqa: ANN401  # asyncpg ships no types
    order_id, version, event_type, data = row
    with suppress(MsgspecError):  # what cannot be read is told by who reads it
        event_type, data = in_todays_words(event_type, data)
    return Entry(order_id, version, event_type, data)


async def _rows(
    make: Callable[[Any], RowT], tx: Transaction, query: str, order_ids: Sequence[UUID] | None
) -> _Rows[RowT]:
    return _Rows(make, await tx.cursor(query, order_ids))


def _join(
    orders: dict[UUID, list[Order]],
    logs: dict[UUID, list[Entry]],
    shares: dict[UUID, list[Share]],
    movements: dict[UUID, list[Movement]],
    uses: dict[UUID, list[Use]],
) -> list[Story]:
    return [
        Story(
            it,
            orders[it][0] if it in orders else None,
            logs.get(it, ()),
            shares.get(it, ()),
            movements.get(it, ()),
            uses.get(it, ()),
        )
        for it in {**orders, **logs, **shares, **movements, **uses}
    ]
