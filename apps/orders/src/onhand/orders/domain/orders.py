"""An order as it stands.

It begins `pending`. Inventory's answer makes it `confirmed`, `backordered` or `rejected`; what comes in later makes a
backordered one confirmed; and as long as nothing has left it can be `cancelled`. How much of it was sent off, and came
back, is told apart from that.
"""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from onhand.common.contracts import Line, LineDetails, OrderCreated, OrderDetails
from onhand.common.contracts.message import Metadata
from onhand.common.contracts.orders import FulfilmentStatus, OrderStatus, Policy


class Counters(Struct, rename="camel"):
    """Where the units of one line are; the names mean what they mean in `LineDetails`."""

    reserved: int = 0
    backordered: int = 0
    fulfilled: int = 0
    returned: int = 0
    cancelled: int = 0
    available: int | UnsetType = UNSET
    promised_at: datetime | UnsetType = UNSET


class Order(Struct):
    """An order as it stands.

    Attributes:
        lines: as they were ordered.
        counters: of each line, in the order of the lines.
        revision: of the last `StockReserved` that is noted.
        promise_revision: of the last `BackorderPromised` that is noted. It is another one, because a promise that comes
            before units that were given earlier says nothing of them.
        version: number of the last entry in the order's event log.
    """

    order_id: UUID
    customer_id: str
    policy: Policy
    lines: tuple[Line, ...]
    counters: list[Counters]
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    revision: int = 0
    promise_revision: int = 0
    version: int = 1
    reason: str | UnsetType = UNSET
    reservation_id: UUID | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET

    @property
    def fulfilment(self) -> FulfilmentStatus:
        """How much of it was sent off and came back."""
        fulfilled = sum(it.fulfilled for it in self.counters)
        returned = sum(it.returned for it in self.counters)
        is_all_sent = fulfilled == sum(line.quantity for line in self.lines) - sum(it.cancelled for it in self.counters)
        if not fulfilled:
            return "unfulfilled"
        if not returned:
            return "fulfilled" if is_all_sent else "partially-fulfilled"
        return "returned" if returned == fulfilled and is_all_sent else "partially-returned"


def implied_counters(status: OrderStatus, lines: tuple[Line, ...]) -> list[Counters]:
    """The counters of an order whose status says it all: nothing of it is reserved yet, or everything at once."""
    return [Counters(reserved=line.quantity if status == "confirmed" else 0) for line in lines]


def details(order: Order) -> OrderDetails:
    """What is told of an order."""
    return OrderDetails(
        order_id=order.order_id,
        customer_id=order.customer_id,
        status=order.status,
        fulfilment=order.fulfilment,
        policy=order.policy,
        lines=tuple(
            LineDetails(
                line.product_id,
                line.quantity,
                it.reserved,
                it.backordered,
                it.fulfilled,
                it.returned,
                it.cancelled,
                it.available,
                it.promised_at,
            )
            for line, it in zip(order.lines, order.counters, strict=True)
        ),
        created_at=order.created_at,
        updated_at=order.updated_at,
        reason=order.reason,
        reservation_id=order.reservation_id,
        reference=order.reference,
        metadata=order.metadata,
    )


def creation(order: Order) -> OrderCreated:
    """The event that the order began with."""
    return OrderCreated(
        order_id=order.order_id,
        customer_id=order.customer_id,
        lines=order.lines,
        policy=order.policy,
        reservation_id=order.reservation_id,
        reference=order.reference,
        metadata=order.metadata,
    )
