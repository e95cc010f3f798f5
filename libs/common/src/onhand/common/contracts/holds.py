"""Units held for a while without an order: a cart, an offer."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from onhand.common.contracts.inventory import COMMANDS, OUTCOMES, QUERIES
from onhand.common.contracts.message import Command, Event, Lines, Query, Reference, Reply

HoldState = Literal["active", "used", "released", "expired"]
TtlSeconds = Annotated[int, Meta(ge=1, le=24 * 60 * 60)]


class HoldStock(Command, frozen=True):
    """Hold units of all lines, or none. The id is the sender's; from the same idempotency key it makes the same id."""

    TYPE = "inventory.hold-stock.v1"
    TOPIC = COMMANDS
    SUBJECT = "reservation_id"

    reservation_id: UUID
    lines: Lines
    ttl_seconds: TtlSeconds
    reference: Reference | UnsetType = UNSET


class ExtendHold(Command, frozen=True):
    """Hold for so long from now on; never shorter than it is held already.

    Attributes:
        extension_id: made from the sender's idempotency key, if there is one: sent again later, it extends nothing.
    """

    TYPE = "inventory.extend-hold.v1"
    TOPIC = COMMANDS
    SUBJECT = "reservation_id"

    reservation_id: UUID
    ttl_seconds: TtlSeconds
    extension_id: UUID | UnsetType = UNSET


class ReleaseHold(Command, frozen=True):
    """Hold no longer. One that is released already stays so and is answered alike."""

    TYPE = "inventory.release-hold.v1"
    TOPIC = COMMANDS
    SUBJECT = "reservation_id"

    reservation_id: UUID


class GetHold(Query, frozen=True):
    """Tell one hold as it stands."""

    TYPE = "inventory.get-hold.v1"
    TOPIC = QUERIES
    SUBJECT = "reservation_id"

    reservation_id: UUID


class HoldDetails(Reply, frozen=True):
    """One hold as it stands. Reply to all commands and queries about one.

    Attributes:
        order_id: the order that used it.
    """

    TYPE = "inventory.hold-details.v1"
    SUBJECT = "reservation_id"

    reservation_id: UUID
    state: HoldState
    lines: Lines
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | UnsetType = UNSET
    order_id: UUID | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET


class HoldReplayed(HoldDetails, frozen=True):
    """A hold with the same idempotency key, and the same in all else, is on disk already. Reply to `HoldStock`."""

    TYPE = "inventory.hold-replayed.v1"


class HoldEnded(Event, frozen=True):
    """A hold is used, released or expired; one of them, and once.

    Attributes:
        order_id: the order that used it.
    """

    TYPE = "inventory.hold-ended.v1"
    TOPIC = OUTCOMES
    SUBJECT = "reservation_id"

    reservation_id: UUID
    state: HoldState
    order_id: UUID | UnsetType = UNSET
