"""Why a product's numbers are what they are."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from onhand.common.contracts.inventory import QUERIES, LocationLevel
from onhand.common.contracts.message import (
    Count,
    Difference,
    LocationId,
    Moment,
    Note,
    Part,
    ProductId,
    Query,
    Reference,
    Reply,
    Total,
)
from onhand.common.contracts.movements import MovementType

PageSize = Annotated[int, Meta(ge=1, le=1000)]


class ExplainStock(Query, frozen=True):
    """Tell what is behind a product's numbers, now or at a moment of the past.

    Attributes:
        at: the moment; now, if not given or still to come.
        limit: most entries of each list. Sums and counts are always of all of them.
    """

    TYPE = "inventory.explain-stock.v1"
    TOPIC = QUERIES
    SUBJECT = "product_id"

    product_id: ProductId
    at: Moment | UnsetType = UNSET
    limit: PageSize = 100


class ExplainedMovement(Part, frozen=True):
    """One entry of the ledger.

    Attributes:
        quantity: units added or, below 0, taken away.
        on_hand: units at the location afterwards.
        order_id: of a sale or a return.
    """

    movement_id: UUID
    type: MovementType
    location_id: LocationId
    quantity: Difference
    on_hand: Total
    at: Moment
    order_id: UUID | UnsetType = UNSET
    reason: Note | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET
    actor: str | UnsetType = UNSET
    idempotency_key: str | UnsetType = UNSET


class ExplainedReservation(Part, frozen=True):
    """Units that an order or a hold has.

    Attributes:
        holder_id: the order's or the hold's id.
        quantity: units that it has there, sent ones not among them.
        available: what could be promised at the location when it got them.
        is_split: whether the order or hold has units at other locations, too: no single one could serve all of it.
    """

    holder: Literal["order", "hold"]
    holder_id: UUID
    location_id: LocationId
    quantity: Count
    available: Total
    at: Moment
    is_split: bool = False


class ExplainedBackorder(Part, frozen=True):
    """Units that an order waits for.

    Attributes:
        promised_at: when the last of them is expected, as far as is known now; not told of a past moment.
    """

    order_id: UUID
    quantity: Count
    at: Moment
    promised_at: Moment | UnsetType = UNSET


class ExplainedIncoming(Part, frozen=True):
    """Units that are expected."""

    incoming_id: UUID
    location_id: LocationId
    quantity: Count
    expected_at: Moment
    reference: Reference | UnsetType = UNSET


class StockExplanation(Reply, frozen=True):
    """What is behind a product's numbers. Reply to `ExplainStock`.

    The sum of the quantities of all movements at a location is what is on hand there; that of all reservations is what
    is reserved there, and that of all that is incoming is what is expected there.

    Attributes:
        at: the moment that it tells of.
        movements: the newest, the last first. So are the reservations.
        backorders: those that are served first. What is incoming is listed by its date.
        movement_count, reservation_count, backorder_count, incoming_count: how many there are; the lists hold at most
            `limit` of them.
    """

    TYPE = "inventory.stock-explanation.v2"
    SUBJECT = "product_id"

    product_id: ProductId
    at: Moment
    on_hand: Total
    reserved: Total
    available: Total
    locations: tuple[LocationLevel, ...]
    movement_count: int
    movements: tuple[ExplainedMovement, ...]
    reservation_count: int
    reservations: tuple[ExplainedReservation, ...]
    backorder_count: int
    backorders: tuple[ExplainedBackorder, ...]
    incoming_count: int
    incoming: tuple[ExplainedIncoming, ...]
