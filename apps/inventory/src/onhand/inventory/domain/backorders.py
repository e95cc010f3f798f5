"""Who gets the units that have come: those that wait, first come, first served. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from onhand.common.contracts import LineAllocation, StockReserved
from onhand.inventory.domain.allocation import split
from onhand.inventory.domain.levels import Stock


class Waiting(NamedTuple):
    """A row of a line that waits for units.

    Attributes:
        queue_no: its place; the lowest is served first.
    """

    order_id: UUID
    row_no: int
    line_no: int
    product_id: str
    units: int
    queue_no: int


class Fill(NamedTuple):
    """Units at a location for a line that waits.

    Attributes:
        available: what could be promised there before.
    """

    waiting: Waiting
    location_id: str
    units: int
    available: int


class Allocation(NamedTuple):
    """What a line has been given so far, sent units among them, and what it still waits for."""

    product_id: str
    granted: int
    waiting: int


def fill(waiting: Iterable[Waiting], stock: Stock) -> list[Fill]:
    """Give what can be promised to those that wait, and reserve it; also in part, when there is no more.

    Args:
        waiting: of each product, in the order of the queue.
        stock: with the levels of their products.
    """
    fills = []
    for row in waiting:
        for level, units in split(row.product_id, row.units, stock).items():
            fills.append(Fill(row, level.location_id, units, level.promisable))
            level.reserved += units
    return fills


def tell_allocations(order_id: UUID, allocations: Sequence[Allocation], revision: int) -> StockReserved:
    """What Orders is told about an order that was given more."""
    lines = tuple(LineAllocation(product_id, granted, waiting) for product_id, granted, waiting in allocations)
    return StockReserved(order_id=order_id, lines=lines, revision=revision)
