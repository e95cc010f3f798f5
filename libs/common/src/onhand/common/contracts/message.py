"""What all messages have in common, and the bounded types their fields are made of."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

LARGEST_INTEGER = 2**31 - 1
"""The largest quantity: a PostgreSQL integer, and exact in every JSON reader."""

Quantity = Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)]
Count = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]

# Which characters an id may have is checked once, at the gateway: a pattern costs as much as reading the whole message.
ProductId = Annotated[str, Meta(min_length=1, max_length=128)]
CustomerId = Annotated[str, Meta(min_length=1, max_length=128)]


class Message(Struct, frozen=True, rename="camel", gc=False):
    """What a message says, without its envelope. JSON names are camelCase; unknown fields are ignored on reading.

    Attributes:
        TYPE: the CloudEvents type, `<owner>.<name>.v<version>`.
        SUBJECT: the field whose value is the CloudEvents subject: what the message is about.
    """

    TYPE: ClassVar[str]
    SUBJECT: ClassVar[str]


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


class RequestRefused(Reply, frozen=True):
    """The receiver understood the request and does not do it."""

    TYPE = "onhand.request-refused.v1"
    SUBJECT = "code"

    code: Literal["order-not-found", "product-not-found", "on-hand-below-reserved"]
    detail: str
    """One sentence for a person."""
