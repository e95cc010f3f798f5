"""Promises: when what an order waits for is expected."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from onhand.inventory.domain.levels import Level, Stock


class WaitingLine(NamedTuple):
    """A line of an order that waits, as far as promises go."""

    order_id: UUID
    row_no: int
    product_id: str
    units: int
    promised_at: datetime | None


class Delivery(NamedTuple):
    """Units of a product that are expected at a location."""

    product_id: str
    location_id: str
    units: int
    expected_at: datetime


def promise(queue: Iterable[WaitingLine], deliveries: Iterable[Delivery], stock: Stock) -> list[WaitingLine]:
    """Match what is waited for with what is expected, both in their order, as it will be given out when it comes.

    A line is promised for the day on which the last of its units comes; beyond all deliveries nothing is promised.

    Args:
        queue: those that wait, of each product in the order in which they are served.
        deliveries: of each product in the order in which they come.
        stock: with the levels of their products, of which nothing can be promised now to those that wait.

    Returns:
        The lines whose promise has changed, as they are now.
    """
    coming: dict[str, list[Delivery]] = {}
    for delivery in _given_out(deliveries, stock):
        coming.setdefault(delivery.product_id, []).append(delivery)
    queues: dict[str, list[WaitingLine]] = {}
    for line in queue:
        queues.setdefault(line.product_id, []).append(line)
    return [
        line._replace(promised_at=promised_at)
        for product_id, lines in queues.items()
        for line, promised_at in _match(lines, coming.get(product_id, ()))
        if line.promised_at != promised_at
    ]


def _given_out(deliveries: Iterable[Delivery], stock: Stock) -> Iterator[Delivery]:
    """Take off each delivery what its location lacks of its safety stock by then."""
    lacking: dict[Level, int] = {}
    for delivery in deliveries:
        level = stock.level(delivery.product_id, delivery.location_id)
        lacks = lacking.get(level, max(0, level.safety_stock - level.available))
        kept = min(lacks, delivery.units)
        lacking[level] = lacks - kept
        yield delivery._replace(units=delivery.units - kept)


def _match(
    lines: Sequence[WaitingLine], deliveries: Sequence[Delivery]
) -> Iterable[tuple[WaitingLine, datetime | None]]:
    needed = coming = 0
    expected_at = None
    following = iter(deliveries)
    for line in lines:
        needed += line.units
        while coming < needed and (delivery := next(following, None)):
            coming += delivery.units
            expected_at = delivery.expected_at
        yield line, expected_at if coming >= needed else None
