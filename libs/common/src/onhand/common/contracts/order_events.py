"""What Orders tells of orders."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from onhand.common.contracts.message import (
    MOST_LINES,
    Count,
    CustomerId,
    Event,
    Line,
    Lines,
    LineShortage,
    Metadata,
    Note,
    Older,
    Part,
    ProductId,
    Quantity,
    Reference,
)
from onhand.common.contracts.orders import Policy, RejectionReason

EVENTS = "orders.events"
OUTCOMES = "orders.outcomes"
"""How orders go, for whoever listens; apart from the events that Inventory acts on, which would pass over these."""


class OrderCreatedV1(Older, frozen=True):
    """An order for one product was taken."""

    TYPE = "orders.order-created.v1"
    SUBJECT = "order_id"

    order_id: UUID
    customer_id: CustomerId
    product_id: ProductId
    quantity: Quantity

    def upcast(self) -> "OrderCreated":
        """One product is one line."""
        lines = (Line(product_id=self.product_id, quantity=self.quantity),)
        return OrderCreated(order_id=self.order_id, customer_id=self.customer_id, lines=lines)


class OrderCreated(Event, frozen=True):
    """An order was taken and waits for stock. Told again while Inventory has not answered."""

    TYPE = "orders.order-created.v2"
    TOPIC = EVENTS
    SUBJECT = "order_id"
    OLDER = (OrderCreatedV1,)

    order_id: UUID
    customer_id: CustomerId
    lines: Lines
    policy: Policy = "all-or-nothing"
    reservation_id: UUID | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class OrderCancelled(Event, frozen=True):
    """Somebody gave the order up before anything left. Told again until Inventory says `StockReleased`.

    Attributes:
        lines: what was ordered. It may come before `OrderCreated`, and is then all that Inventory knows of the order.
    """

    TYPE = "orders.order-cancelled.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    lines: Lines
    reason: Note | UnsetType = UNSET


class OrderFulfilled(Event, frozen=True):
    """Units of the order leave. Told again until Inventory says `StockShipped`."""

    TYPE = "orders.order-fulfilled.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    fulfilment_id: UUID
    lines: Lines
    reference: Reference | UnsetType = UNSET


class OrderReturned(Event, frozen=True):
    """Units of the order are back. Told again until Inventory says `StockReturned`."""

    TYPE = "orders.order-returned.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    return_id: UUID
    lines: Lines
    restock: bool = True
    reason: Note | UnsetType = UNSET


class AllocationNoted(Event, frozen=True):
    """Orders has taken note of what a waiting order was given or promised, so Inventory need not tell it again.

    Attributes:
        revision: of the `StockReserved` or `BackorderPromised` that is noted.
    """

    TYPE = "orders.allocation-noted.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    revision: int


class LineOutcome(Part, frozen=True):
    """How one line came out, in units."""

    product_id: ProductId
    reserved: Count
    backordered: Count
    cancelled: Count


Outcomes = Annotated[tuple[LineOutcome, ...], Meta(min_length=1, max_length=MOST_LINES)]


class OrderConfirmed(Event, frozen=True):
    """The order's units are reserved for it.

    Attributes:
        lines: absent if it is all that was ordered, at once.
    """

    TYPE = "orders.order-confirmed.v1"
    TOPIC = OUTCOMES
    SUBJECT = "order_id"

    order_id: UUID
    lines: Outcomes | UnsetType = UNSET


class OrderBackordered(Event, frozen=True):
    """Some or all units of the order are waited for. Told again, with a higher revision, when some have come."""

    TYPE = "orders.order-backordered.v1"
    TOPIC = OUTCOMES
    SUBJECT = "order_id"

    order_id: UUID
    lines: Outcomes
    revision: int = 0


class OrderRejectedV1(Older, frozen=True):
    """An order for one product gets nothing."""

    TYPE = "orders.order-rejected.v1"
    SUBJECT = "order_id"

    order_id: UUID
    reason: Literal["unknown-product", "insufficient-stock"]

    def upcast(self) -> "OrderRejected":
        """What there was of the product was not told, so no line is."""
        return OrderRejected(order_id=self.order_id, reason=self.reason, lines=())


class OrderRejected(Event, frozen=True):
    """The order gets nothing.

    Attributes:
        lines: what each line asked for and what there was; none if that was not told, as in version 1.
    """

    TYPE = "orders.order-rejected.v2"
    TOPIC = OUTCOMES
    SUBJECT = "order_id"
    OLDER = (OrderRejectedV1,)

    order_id: UUID
    reason: RejectionReason
    lines: tuple[LineShortage, ...]
