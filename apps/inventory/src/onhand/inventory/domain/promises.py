"""Promises: when what an order waits for is expected."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class WaitingLine(NamedTuple):
    """A line of an order that waits, as far as promises go."""

    order_id: UUID
    row_no: int
    product_id: str
    units: int
    promised_at: datetime | None


class Delivery(NamedTuple):
    """Units of a product that are expected."""

    product_id: str
    units: int
    expected_at: datetime


def promise(queue: Iterable[WaitingLine], deliveries: Iterable[Delivery]) -> list[WaitingLine]:
    """Match what is waited for with what is expected, both in their order, as it will be given out when it comes.

    A line is promised for the day on which the last of its units comes; beyond all deliveries nothing is promised.

    Args:
        queue: those that wait, of each product in the order in which they are served.
        deliveries: of each product in the order in which they come.

    Returns:
        The lines whose promise has changed, as they are now.
    """
    coming: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
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
