"""What was decided, told again from the rows that are stored of it. Pure."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from onhand.common.contracts import LineAllocation, LineShortage, StockRejected, StockReserved
from onhand.common.contracts.orders import RejectionReason
from onhand.inventory.domain.allocation import Answer


class DecidedRow(NamedTuple):
    """A row of an order as it was decided; the names mean what they mean in `Row`.

    Attributes:
        has_waited: whether some units of the line were missing, and it waited for them.
    """

    product_id: str
    line_no: int
    requested: int
    granted: int
    has_waited: bool
    reason: RejectionReason | None
    available: int


def tell_decision(order_id: UUID, rows: Sequence[DecidedRow]) -> Answer:
    """The answer that the order got when it was decided, whatever has become of it since.

    Args:
        order_id: the order's.
        rows: all that the decision made, in their order; not those that filled backorders later.
    """
    lines = [row for row in rows if row.requested]
    reason = rows[0].reason
    if reason is not None:
        shortages = tuple(LineShortage(row.product_id, row.requested, row.available) for row in lines)
        return StockRejected(order_id=order_id, reason=reason, lines=shortages)
    granted = [0] * len(lines)
    for row in rows:
        granted[row.line_no] += row.granted
    if all(units == row.requested for row, units in zip(lines, granted, strict=True)):
        return StockReserved(order_id=order_id)
    return StockReserved(
        order_id=order_id,
        lines=tuple(
            LineAllocation(row.product_id, units, row.requested - units if row.has_waited else 0)
            for row, units in zip(lines, granted, strict=True)
        ),
    )
