"""Messages that Orders owns."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from onhand.common.contracts.inventory import RejectionReason
from onhand.common.contracts.message import Command, CustomerId, Event, ProductId, Quantity, Query, Reply

OrderStatus = Literal["pending", "confirmed", "rejected"]

COMMANDS = "orders.commands"
QUERIES = "orders.queries"
EVENTS = "orders.events"
OUTCOMES = "orders.outcomes"
"""How orders end, for whoever listens; apart from the events that Inventory acts on, which would pass over these."""


class CreateOrder(Command, frozen=True):
    """Take an order. The id is the sender's, so that the same command sent twice makes one order."""

    TYPE = "orders.create-order.v1"
    TOPIC = COMMANDS
    SUBJECT = "order_id"

    order_id: UUID
    customer_id: CustomerId
    product_id: ProductId
    quantity: Quantity


class GetOrder(Query, frozen=True):
    """Tell one order as it stands."""

    TYPE = "orders.get-order.v1"
    TOPIC = QUERIES
    SUBJECT = "order_id"

    order_id: UUID


class OrderReceipt(Reply, frozen=True):
    """The order is on disk. Reply to `CreateOrder`."""

    TYPE = "orders.order-receipt.v1"
    SUBJECT = "order_id"

    order_id: UUID
    product_id: ProductId
    quantity: Quantity
    status: OrderStatus


class OrderDetails(Reply, frozen=True):
    """One order as it stands. Reply to `GetOrder`."""

    TYPE = "orders.order-details.v1"
    SUBJECT = "order_id"

    order_id: UUID
    customer_id: CustomerId
    product_id: ProductId
    quantity: Quantity
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    reason: RejectionReason | UnsetType = UNSET
    """Why the order was rejected; absent otherwise."""


class OrderCreated(Event, frozen=True):
    """An order was taken and waits for stock. Told again while Inventory has not answered."""

    TYPE = "orders.order-created.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    customer_id: CustomerId
    product_id: ProductId
    quantity: Quantity


class OrderConfirmed(Event, frozen=True):
    """The order's units are reserved for it."""

    TYPE = "orders.order-confirmed.v1"
    TOPIC = OUTCOMES
    SUBJECT = "order_id"

    order_id: UUID


class OrderRejected(Event, frozen=True):
    """The order gets nothing."""

    TYPE = "orders.order-rejected.v1"
    TOPIC = OUTCOMES
    SUBJECT = "order_id"

    order_id: UUID
    reason: RejectionReason
