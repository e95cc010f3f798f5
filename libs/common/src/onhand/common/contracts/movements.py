"""Stock that comes, goes and is counted, and stock that is expected."""

from typing import Literal
from uuid import UUID

from msgspec import UNSET, UnsetType

from onhand.common.contracts.inventory import COMMANDS, DEFAULT_LOCATION, QUERIES
from onhand.common.contracts.message import (
    Change,
    Command,
    Count,
    Difference,
    IdempotencyKey,
    LocationId,
    Moment,
    Note,
    PageLimit,
    Part,
    ProductId,
    Quantity,
    Query,
    Reference,
    Reply,
    Total,
)

MovementType = Literal["receive", "adjust", "count", "transfer", "sale", "return"]
IncomingState = Literal["expected", "received", "withdrawn"]


class Movement(Command, frozen=True):
    """What all commands that move stock have in common.

    Attributes:
        movement_id: the sender's, so that the same command sent twice is one movement. From the same idempotency key
            the gateway makes the same id.
    """

    movement_id: UUID
    product_id: ProductId
    reason: Note | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET
    idempotency_key: IdempotencyKey | UnsetType = UNSET


class ReceiveStock(Movement, frozen=True, kw_only=True):
    """Units have come in; an unknown product becomes known by it.

    Attributes:
        incoming_id: what they were expected as; as many are expected less.
    """

    TYPE = "inventory.receive-stock.v1"
    TOPIC = COMMANDS
    SUBJECT = "product_id"

    quantity: Quantity
    location_id: LocationId = DEFAULT_LOCATION
    incoming_id: UUID | UnsetType = UNSET


class AdjustStock(Movement, frozen=True, kw_only=True):
    """There are more units than thought, or fewer: found, broken, stolen. Never fewer than are reserved."""

    TYPE = "inventory.adjust-stock.v1"
    TOPIC = COMMANDS
    SUBJECT = "product_id"

    quantity: Change
    location_id: LocationId = DEFAULT_LOCATION


class CountStock(Movement, frozen=True, kw_only=True):
    """The units were counted; an unknown product becomes known by it. Never fewer than are reserved."""

    TYPE = "inventory.count-stock.v1"
    TOPIC = COMMANDS
    SUBJECT = "product_id"

    on_hand: Count
    location_id: LocationId = DEFAULT_LOCATION


class TransferStock(Movement, frozen=True, kw_only=True):
    """Units are carried from one location to another. Never those that are reserved."""

    TYPE = "inventory.transfer-stock.v1"
    TOPIC = COMMANDS
    SUBJECT = "product_id"

    quantity: Quantity
    from_location_id: LocationId
    to_location_id: LocationId


class MovementEntry(Part, frozen=True):
    """What a movement did at one location.

    Attributes:
        quantity: units added or, below 0, taken away.
        on_hand: units there afterwards.
    """

    location_id: LocationId
    quantity: Difference
    on_hand: Total


class MovementReceipt(Reply, frozen=True):
    """The movement is on disk. Reply to each command that moves stock, and the same if the command comes again."""

    TYPE = "inventory.movement-receipt.v2"
    SUBJECT = "movement_id"

    movement_id: UUID
    type: MovementType
    product_id: ProductId
    entries: tuple[MovementEntry, ...]


class MovementReplayed(MovementReceipt, frozen=True):
    """A movement with the same idempotency key, and the same in all else, is on disk already."""

    TYPE = "inventory.movement-replayed.v2"


class ExpectStock(Command, frozen=True):
    """Units are on their way; said again with the same id, it is the new state of it, until they have been received.

    Attributes:
        quantity: still to come; 0: nothing comes any more.
        idempotency_key: given if this is to be the first that is said of it. From the same key the gateway makes the
            same id, so whatever was said of it since stays.
    """

    TYPE = "inventory.expect-stock.v1"
    TOPIC = COMMANDS
    SUBJECT = "product_id"

    incoming_id: UUID
    product_id: ProductId
    quantity: Count
    expected_at: Moment
    location_id: LocationId = DEFAULT_LOCATION
    reference: Reference | UnsetType = UNSET
    idempotency_key: IdempotencyKey | UnsetType = UNSET


class GetIncoming(Query, frozen=True):
    """Tell what is expected of a product under an id, or has come or been withdrawn since."""

    TYPE = "inventory.get-incoming.v1"
    TOPIC = QUERIES
    SUBJECT = "product_id"

    product_id: ProductId
    incoming_id: UUID


class IncomingDetails(Reply, frozen=True):
    """What is expected. Reply to `ExpectStock` and `GetIncoming`.

    Attributes:
        quantity: still to come.
        state: `received` once the last of the units has come, `withdrawn` if somebody said that nothing comes any more.
    """

    TYPE = "inventory.incoming-details.v1"
    SUBJECT = "incoming_id"

    incoming_id: UUID
    product_id: ProductId
    location_id: LocationId
    quantity: Count
    expected_at: Moment
    reference: Reference | UnsetType = UNSET
    state: IncomingState | UnsetType = UNSET


class ListIncoming(Query, frozen=True):
    """Tell what is still to come, by its product and then its id.

    Attributes:
        after: tell only what comes after this one in the list; `next` of the page before.
        product_id: only what is expected of a product.
    """

    TYPE = "inventory.list-incoming.v1"
    TOPIC = QUERIES
    SUBJECT = "about"

    about: str = "incoming"
    after: UUID | UnsetType = UNSET
    limit: PageLimit = 50
    product_id: ProductId | UnsetType = UNSET


class IncomingPage(Reply, frozen=True, omit_defaults=False):
    """What is still to come, by its product and then its id. Reply to `ListIncoming`.

    Attributes:
        next: where the next page begins; absent if there is none.
    """

    TYPE = "inventory.incoming-page.v1"
    SUBJECT = "about"

    about: str
    incoming: tuple[IncomingDetails, ...]
    next: UUID | UnsetType = UNSET


class IncomingAdded(IncomingDetails, frozen=True):
    """It is expected; nothing was under this id before. Reply to `ExpectStock`."""

    TYPE = "inventory.incoming-added.v1"


class IncomingOver(IncomingDetails, frozen=True):
    """It has been received, and nothing more is said of it: so `ExpectStock` is refused. As it stands."""

    TYPE = "inventory.incoming-over.v1"


class IncomingReplayed(IncomingDetails, frozen=True):
    """Something expected with the same idempotency key, and first said to be the same, is on disk; as it stands now."""

    TYPE = "inventory.incoming-replayed.v1"
