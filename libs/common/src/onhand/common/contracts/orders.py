"""What one can ask of Orders, and what it answers."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from onhand.common.contracts.message import (
    Command,
    Count,
    CustomerId,
    IdempotencyKey,
    Line,
    Lines,
    Metadata,
    Moment,
    Note,
    Older,
    PageLimit,
    Part,
    ProductId,
    Quantity,
    Query,
    Reference,
    Reply,
)

OrderStatus = Literal["pending", "confirmed", "backordered", "rejected", "cancelled"]
FulfilmentStatus = Literal["unfulfilled", "partially-fulfilled", "fulfilled", "partially-returned", "returned"]
Policy = Literal["all-or-nothing", "ship-available", "backorder"]
RejectionReason = Literal[
    "unknown-product", "unknown-reservation", "not-backorderable", "insufficient-stock", "cancelled"
]

COMMANDS = "orders.commands"
QUERIES = "orders.queries"
MOST_TIMELINE_ENTRIES = 1000
"""What is told of a timeline at most, so that a reply has an end."""


class CreateOrderV1(Older, frozen=True):
    """Take an order for one product."""

    TYPE = "orders.create-order.v1"
    SUBJECT = "order_id"

    order_id: UUID
    customer_id: CustomerId
    product_id: ProductId
    quantity: Quantity

    def upcast(self) -> "CreateOrder":
        """One product is one line; who asked so waits for an answer about one product."""
        lines = (Line(product_id=self.product_id, quantity=self.quantity),)
        return CreateOrder(order_id=self.order_id, customer_id=self.customer_id, lines=lines, as_product=True)


class CreateOrder(Command, frozen=True):
    """Take an order. The id is the sender's, so that the same command sent twice makes one order.

    Attributes:
        policy: what is to be done if there is not enough of everything.
        reservation_id: a hold whose units the order takes.
        idempotency_key: the client's; of all commands with the same key one makes an order.
        as_product: answer in the form of an order for one product.
    """

    TYPE = "orders.create-order.v2"
    TOPIC = COMMANDS
    SUBJECT = "order_id"
    OLDER = (CreateOrderV1,)

    order_id: UUID
    customer_id: CustomerId
    lines: Lines
    policy: Policy = "all-or-nothing"
    reservation_id: UUID | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    idempotency_key: IdempotencyKey | UnsetType = UNSET
    as_product: bool = False


class CancelOrder(Command, frozen=True):
    """Give up an order of which nothing has left. One that is cancelled already stays so and is answered alike.

    Attributes:
        cancellation_id: made from the sender's idempotency key, if there is one, so that another command under it is
            told apart.
    """

    TYPE = "orders.cancel-order.v1"
    TOPIC = COMMANDS
    SUBJECT = "order_id"

    order_id: UUID
    reason: Note | UnsetType = UNSET
    cancellation_id: UUID | UnsetType = UNSET


class FulfilOrder(Command, frozen=True):
    """Send off what is reserved for an order: some of it, or without lines all that is reserved now.

    Attributes:
        fulfilment_id: the sender's, so that the same command sent twice sends one parcel.
    """

    TYPE = "orders.fulfil-order.v1"
    TOPIC = COMMANDS
    SUBJECT = "order_id"

    order_id: UUID
    fulfilment_id: UUID
    lines: Lines | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET


class ReturnOrder(Command, frozen=True):
    """Take back what was sent off: some of it, or without lines all that is not back yet.

    Attributes:
        return_id: the sender's, so that the same command sent twice takes units back once.
        restock: whether they can be sold again; they go to the location that they left from.
    """

    TYPE = "orders.return-order.v1"
    TOPIC = COMMANDS
    SUBJECT = "order_id"

    order_id: UUID
    return_id: UUID
    lines: Lines | UnsetType = UNSET
    restock: bool = True
    reason: Note | UnsetType = UNSET


class GetOrder(Query, frozen=True):
    """Tell one order as it stands."""

    TYPE = "orders.get-order.v1"
    TOPIC = QUERIES
    SUBJECT = "order_id"

    order_id: UUID


class GetTimeline(Query, frozen=True):
    """Tell what has happened to one order."""

    TYPE = "orders.get-timeline.v1"
    TOPIC = QUERIES
    SUBJECT = "order_id"

    order_id: UUID


class ListOrders(Query, frozen=True):
    """Tell orders, the newest first, as far as they are what is asked for.

    Attributes:
        before: tell only of orders with lower ids; `next` of the page before.
        created_from: the first moment at which they may have been created.
        created_to: the first moment at which they may not.
    """

    TYPE = "orders.list-orders.v1"
    TOPIC = QUERIES
    SUBJECT = "about"

    about: str = "orders"
    before: UUID | UnsetType = UNSET
    limit: PageLimit = 50
    status: OrderStatus | UnsetType = UNSET
    fulfilment: FulfilmentStatus | UnsetType = UNSET
    customer_id: CustomerId | UnsetType = UNSET
    product_id: ProductId | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET
    created_from: Moment | UnsetType = UNSET
    created_to: Moment | UnsetType = UNSET


class OrderReceipt(Reply, frozen=True, kw_only=True):
    """The order is on disk. Reply to `CreateOrder`: with `as_product` in the form of an order for one product.

    Attributes:
        reason: of a status other than pending, if there is one and the client waited for it.
    """

    TYPE = "orders.order-receipt.v2"
    SUBJECT = "order_id"

    order_id: UUID
    product_id: ProductId | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET
    lines: Lines | UnsetType = UNSET
    status: OrderStatus
    reason: RejectionReason | Note | UnsetType = UNSET


class OrderReplayed(OrderReceipt, frozen=True):
    """An order with the same idempotency key, and the same in all else, is on disk already. Reply to `CreateOrder`."""

    TYPE = "orders.order-replayed.v1"


class LineDetails(Part, frozen=True):
    """One line of an order, in units.

    Once the order is settled, `ordered = reserved + backordered + fulfilled + cancelled`.

    Attributes:
        reserved: held for the order and still here.
        backordered: waited for.
        fulfilled: sent off, returned ones among them.
        returned: of the fulfilled ones, those that are back.
        cancelled: never to be sent.
        available: what there was when the order was decided, if that was too little.
        promised_at: when the last of the backordered ones is expected.
    """

    product_id: ProductId
    ordered: Quantity
    reserved: Count
    backordered: Count
    fulfilled: Count
    returned: Count
    cancelled: Count
    available: Count | UnsetType = UNSET
    promised_at: datetime | UnsetType = UNSET


class OrderDetails(Reply, frozen=True):
    """One order as it stands. Reply to `GetOrder` and to all that changes an order.

    Attributes:
        reason: why the order was rejected, or why somebody cancelled it.
    """

    TYPE = "orders.order-details.v2"
    SUBJECT = "order_id"

    order_id: UUID
    customer_id: CustomerId
    status: OrderStatus
    fulfilment: FulfilmentStatus
    policy: Policy
    lines: tuple[LineDetails, ...]
    created_at: datetime
    updated_at: datetime
    reason: RejectionReason | Note | UnsetType = UNSET
    reservation_id: UUID | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET


class TimelineEntry(Part, frozen=True):
    """One thing that happened to an order.

    Attributes:
        version: 1 for the first.
        source: the service that the cause came from.
        actor: who wanted it, if anybody said so.
        cause: id of the message that led to it.
    """

    version: int
    type: str
    at: datetime
    source: str
    cause: str
    data: dict[str, Any]
    actor: str | UnsetType = UNSET


class OrderTimeline(Reply, frozen=True):
    """What has happened to one order, in order. Reply to `GetTimeline`.

    Attributes:
        events: the latest `MOST_TIMELINE_ENTRIES`, so that the first is not number 1 if there are more.
    """

    TYPE = "orders.order-timeline.v1"
    SUBJECT = "order_id"

    order_id: UUID
    events: tuple[TimelineEntry, ...]


class OrderPage(Reply, frozen=True, omit_defaults=False):
    """Orders, the newest first. Reply to `ListOrders`.

    Attributes:
        next: where the next page begins; absent if there is none. A page ends before its limit when it has looked at
            many orders that are not asked for, or when its orders are long.
    """

    TYPE = "orders.order-page.v1"
    SUBJECT = "about"

    about: str
    orders: tuple[OrderDetails, ...]
    next: UUID | UnsetType = UNSET
