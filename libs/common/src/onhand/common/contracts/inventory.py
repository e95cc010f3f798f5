"""Stock as Inventory tells it, and what it answers to orders."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from onhand.common.contracts.message import (
    MOST_LINES,
    Command,
    Count,
    Event,
    IdempotencyKey,
    LineShortage,
    LocationId,
    Older,
    PageLimit,
    Part,
    ProductId,
    Quantity,
    Query,
    Reply,
    Total,
)
from onhand.common.contracts.orders import RejectionReason

COMMANDS = "inventory.commands"
QUERIES = "inventory.queries"
EVENTS = "inventory.events"
OUTCOMES = "inventory.outcomes"
"""What happens to stock and holds, for whoever listens; no service of ours acts on it."""

DEFAULT_LOCATION = "main"
"""Where stock is of which nobody said where it is."""


class SetStock(Command, frozen=True):
    """Set how many units of a product are on hand, as if they had been counted; an unknown product becomes known by it.

    Attributes:
        movement_id: the sender's, so that the same command sent twice is one movement.
        idempotency_key: the client's, if it gave one; the movement's id is made from it.
    """

    TYPE = "inventory.set-stock.v2"
    TOPIC = COMMANDS
    SUBJECT = "product_id"

    movement_id: UUID
    product_id: ProductId
    on_hand: Count
    location_id: LocationId = DEFAULT_LOCATION
    idempotency_key: IdempotencyKey | UnsetType = UNSET


class CheckStock(Query, frozen=True):
    """Tell a product's stock and, with a quantity, whether that many can be ordered."""

    TYPE = "inventory.check-stock.v1"
    TOPIC = QUERIES
    SUBJECT = "product_id"

    product_id: ProductId
    quantity: Quantity | UnsetType = UNSET


class LocationLevel(Part, frozen=True, omit_defaults=False):
    """Units of a product at one location; the names mean what they mean in `StockLevel`."""

    location_id: LocationId
    on_hand: Total
    reserved: Total
    available: Total
    incoming: Count = 0
    safety_stock: Count = 0


class StockLevel(Reply, frozen=True):
    """A product's stock over all locations. Reply to `SetStock` and `CheckStock`."""

    TYPE = "inventory.stock-level.v3"
    SUBJECT = "product_id"

    product_id: ProductId
    on_hand: Total
    """Units really there."""
    reserved: Total
    """Units of these that orders and holds have."""
    available: Total
    """`on_hand - reserved`."""
    incoming: Count | UnsetType = UNSET
    """Units that are expected; absent from the reply to `SetStock`, as are the next three."""
    safety_stock: Count | UnsetType = UNSET
    """Units that no order gets, at each location."""
    available_to_promise: Total | UnsetType = UNSET
    """What a new order can get: at each location what is available beyond the safety stock."""
    locations: tuple[LocationLevel, ...] | UnsetType = UNSET
    in_stock: bool | UnsetType = UNSET
    """Whether the quantity asked for can be promised; absent when none was asked for."""


class StockLevelReplayed(StockLevel, frozen=True):
    """The stock was set under the same idempotency key before. Reply to `SetStock`: how things stand now."""

    TYPE = "inventory.stock-level-replayed.v1"


class ListStock(Query, frozen=True):
    """Tell the stock of products, by their ids, as far as they are what is asked for.

    Attributes:
        after: tell only of products with higher ids; `next` of the page before.
        low: only those of which no more can be promised than their threshold says.
        depleted: only those of which nothing can be promised.
        location_id: only those that have been at the location, and `low` and `depleted` by what can be promised there.
    """

    TYPE = "inventory.list-stock.v1"
    TOPIC = QUERIES
    SUBJECT = "about"

    about: str = "stock"
    after: ProductId | UnsetType = UNSET
    limit: PageLimit = 50
    low: bool = False
    depleted: bool = False
    location_id: LocationId | UnsetType = UNSET


class StockPage(Reply, frozen=True, omit_defaults=False):
    """The stock of products, by their ids. Reply to `ListStock`.

    Attributes:
        next: where the next page begins; absent if there is none. A page ends before its limit when it has looked at
            many products that are not asked for, or when they are at many locations.
    """

    TYPE = "inventory.stock-page.v2"
    SUBJECT = "about"

    about: str
    stock: tuple[StockLevel, ...]
    next: ProductId | UnsetType = UNSET


class LineAllocation(Part, frozen=True):
    """What one line of an order has been given in all, and what it waits for."""

    product_id: ProductId
    granted: Count
    backordered: Count


Allocations = Annotated[tuple[LineAllocation, ...], Meta(min_length=1, max_length=MOST_LINES)]


class StockReserved(Event, frozen=True):
    """Units are held for the order. The decision is stored: a repeated `OrderCreated` gets the same answer.

    Attributes:
        lines: in the order of the order's lines; absent if each got all of its units at once.
        revision: 0 for the decision. Higher each time that units are found for what waits, and then it is told again
            until Orders says `AllocationNoted`. It tells all that was granted so far: a lower one that comes later
            says nothing new.
    """

    TYPE = "inventory.stock-reserved.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    lines: Allocations | UnsetType = UNSET
    revision: int = 0


class StockRejected(Event, frozen=True):
    """The order gets no units. The decision is stored: a repeated `OrderCreated` gets the same answer.

    Attributes:
        lines: in the order of the order's lines, with what was available at the moment of the decision.
    """

    TYPE = "inventory.stock-rejected.v2"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    reason: RejectionReason
    lines: tuple[LineShortage, ...]


class LinePromise(Part, frozen=True):
    """When the last unit that a line waits for is expected; absent if nobody knows."""

    product_id: ProductId
    promised_at: datetime | UnsetType = UNSET


class BackorderPromised(Event, frozen=True):
    """What is expected to come has changed for a waiting order. Told again until Orders says `AllocationNoted`.

    Attributes:
        lines: those that wait.
        revision: counts together with that of `StockReserved`.
    """

    TYPE = "inventory.backorder-promised.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    lines: tuple[LinePromise, ...]
    revision: int


class StockReleased(Event, frozen=True):
    """What the order held is given back, or nothing was held. Answer to `OrderCancelled`, each time it comes."""

    TYPE = "inventory.stock-released.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID


class StockShipped(Event, frozen=True):
    """The units have left the stock. Answer to `OrderFulfilled`, each time it comes."""

    TYPE = "inventory.stock-shipped.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    fulfilment_id: UUID


class StockReturned(Event, frozen=True):
    """The return is booked. Answer to `OrderReturned`, each time it comes."""

    TYPE = "inventory.stock-returned.v1"
    TOPIC = EVENTS
    SUBJECT = "order_id"

    order_id: UUID
    return_id: UUID


class StockLow(Event, frozen=True):
    """What can be promised of a product has come down to its threshold. Once for each crossing.

    Attributes:
        crossing: counts the crossings of the product, of all three kinds.
    """

    TYPE = "inventory.stock-low.v1"
    TOPIC = OUTCOMES
    SUBJECT = "product_id"

    product_id: ProductId
    available_to_promise: Count
    threshold: Count
    crossing: int


class StockDepleted(Event, frozen=True):
    """Nothing of a product can be promised any more. Once for each time that it runs out."""

    TYPE = "inventory.stock-depleted.v1"
    TOPIC = OUTCOMES
    SUBJECT = "product_id"

    product_id: ProductId
    crossing: int


class StockReplenishedV1(Older, frozen=True):
    """The same, of no more than a quantity could be."""

    TYPE = "inventory.stock-replenished.v1"
    SUBJECT = "product_id"

    product_id: ProductId
    available_to_promise: Count
    crossing: int

    def upcast(self) -> "StockReplenished":
        """It says the same."""
        return StockReplenished(self.product_id, self.available_to_promise, self.crossing)


class StockReplenished(Event, frozen=True):
    """What can be promised of a product is above its threshold again, or above 0 if it has none."""

    TYPE = "inventory.stock-replenished.v2"
    TOPIC = OUTCOMES
    SUBJECT = "product_id"
    OLDER = (StockReplenishedV1,)

    product_id: ProductId
    available_to_promise: Total
    crossing: int
