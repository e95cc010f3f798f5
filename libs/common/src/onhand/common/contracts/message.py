"""What all messages have in common, and the bounded types their fields are made of."""

from abc import abstractmethod
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

LARGEST_INTEGER = 2**31 - 1
"""The largest quantity that anybody may ask for: a PostgreSQL integer."""
LARGEST_TOTAL = 2**53 - 1
"""The largest number that is told, exact in every JSON reader: what comes back cannot be refused, and adds up."""
MOST_LINES = 100
"""Lines of an order, a hold, a fulfilment or a return."""
MOST_PER_PAGE = 200
"""Entries of one page of a list."""

Quantity = Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)]
Count = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
Change = Annotated[int, Meta(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]
"""Units that are added or, below 0, taken away."""
Total = Annotated[int, Meta(ge=0, le=LARGEST_TOTAL)]
"""Units that there are in all. It is told, and never asked for."""
Difference = Annotated[int, Meta(ge=-LARGEST_TOTAL, le=LARGEST_TOTAL)]
"""Of two totals."""

# Which characters an id may have is checked once, at the gateway: a pattern costs as much as reading the whole message.
ProductId = Annotated[str, Meta(min_length=1, max_length=128)]
CustomerId = Annotated[str, Meta(min_length=1, max_length=128)]
LocationId = Annotated[str, Meta(min_length=1, max_length=64)]
Reference = Annotated[str, Meta(min_length=1, max_length=128)]
"""What the client calls it: the number of an order, of a delivery note."""
Note = Annotated[str, Meta(min_length=1, max_length=500)]
"""Why something was done, in somebody's words."""
IdempotencyKey = Annotated[str, Meta(min_length=1, max_length=255)]
Moment = Annotated[datetime, Meta(tz=True)]
"""With its offset from UTC: one without would be a different moment on each machine."""
PageLimit = Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)]
"""How many entries a page of a list may have at most; it may have fewer, or none, and others still follow."""
Metadata = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=64)], Annotated[str, Meta(max_length=500)]], Meta(max_length=20)
]
"""What a client wants to find again with its order."""


class Message(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """What a message says, without its envelope. JSON names are camelCase; unknown fields are ignored on reading.

    Attributes:
        TYPE: the CloudEvents type, `<owner>.<name>.v<version>`.
        SUBJECT: the field whose value is the CloudEvents subject: what the message is about.
        OLDER: the versions before this one that are still read.
    """

    TYPE: ClassVar[str]
    SUBJECT: ClassVar[str]
    OLDER: ClassVar["tuple[type[Older], ...]"] = ()


class Older(Message, frozen=True):
    """A version of a message that nobody writes any more. It is read as long as one may be stored or on its way."""

    @abstractmethod
    def upcast(self) -> Message:
        """Say the same in the next version."""


class Part(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A part of messages, such as a line of an order."""


class Command(Message, frozen=True):
    """A request to change something; the receiver may refuse. TOPIC is the stream it is sent to."""

    TOPIC: ClassVar[str]


class Query(Message, frozen=True):
    """A request to tell something; it changes nothing. TOPIC is the stream it is sent to."""

    TOPIC: ClassVar[str]


class Event(Message, frozen=True):
    """A fact, told by the service that owns it. TOPIC is the stream it is published on.

    It may be told again and again. Something that really happens twice says what tells the two apart.
    """

    TOPIC: ClassVar[str]


class Reply(Message, frozen=True):
    """The answer to a command or a query; it goes to the asker's own channel."""


class Line(Part, frozen=True):
    """Units of one product. In a message with lines no product comes twice."""

    product_id: ProductId
    quantity: Quantity


Lines = Annotated[tuple[Line, ...], Meta(min_length=1, max_length=MOST_LINES)]


class LineShortage(Part, frozen=True):
    """What a line asked for, and what of it there was when it was decided.

    Attributes:
        available: at most what a line can ask for; there may have been more.
    """

    product_id: ProductId
    requested: Quantity
    available: Count


RefusalCode = Literal[
    "order-not-found",
    "product-not-found",
    "location-not-found",
    "reservation-not-found",
    "incoming-not-found",
    "on-hand-below-reserved",
    "insufficient-stock",
    "too-much-stock",
    "too-many-locations",
    "order-state",
    "reservation-state",
    "line-state",
    "idempotency-key-reused",
]


class RequestRefused(Reply, frozen=True):
    """The receiver understood the request and does not do it.

    Attributes:
        detail: one sentence for a person.
        state: what does not allow it now, though it may at other times: `cancelled`, `3 on hand, 2 reserved`. Of a hold
            that there is not enough for, its lines tell that.
        pointer: the field of the request that it is about, as a JSON pointer (RFC 6901), such as `/lines/3/quantity`.
        lines: for `insufficient-stock`, what every line asked for and what there was.
    """

    TYPE = "onhand.request-refused.v1"
    SUBJECT = "code"

    code: RefusalCode
    detail: str
    state: str | UnsetType = UNSET
    pointer: str | UnsetType = UNSET
    lines: tuple[LineShortage, ...] | UnsetType = UNSET
