"""Messages that Inventory owns."""

from typing import Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from onhand.common.contracts.message import Command, Count, Event, ProductId, Quantity, Query, Reply

RejectionReason = Literal["unknown-product", "insufficient-stock"]

COMMANDS = "inventory.commands"
QUERIES = "inventory.queries"
EVENTS = "inventory.events"


class SetStock(Command, frozen=True):
    """Set how many units of a product are on hand; an unknown product becomes known by it."""

    TYPE = "inventory.set-stock.v1"
    TOPIC = COMMANDS
    SUBJECT = "product_id"

    product_id: ProductId
    on_hand: Count


class CheckStock(Query, frozen=True):
    """Tell a product's stock and, with a quantity, whether that many are available."""

    TYPE = "inventory.check-stock.v1"
    TOPIC = QUERIES
    SUBJECT = "product_id"

    product_id: ProductId
    quantity: Quantity | UnsetType = UNSET


class StockLevel(Reply, frozen=True):
    """A product's stock. Reply to `SetStock` and `CheckStock`."""

    TYPE = "inventory.stock-level.v1"
    SUBJECT = "product_id"

    product_id: ProductId
    on_hand: Count
    """Units really there."""
    reserved: Count
    """Units of these that open orders hold."""
    available: Count
    """`on_hand - reserved`: what a new order can get."""
    in_stock: bool | UnsetType = UNSET
    """Whether the quantity asked for is available; absent when none was asked for."""


class StockReserved(Event, frozen=True):
    """The order's units are held for it. The decision is stored: a repeated `OrderCreated` gets the same answer."""

    TYPE = "inventory.stock-reserved.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID


class StockRejected(Event, frozen=True):
    """The order gets no units. The decision is stored: a repeated `OrderCreated` gets the same answer."""

    TYPE = "inventory.stock-rejected.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    reason: RejectionReason
    requested: Quantity
    available: Count
    """Units available at the moment of the decision."""
