"""Pages of the feed, as the gateway reads them: what each entry is about, and the entry itself as it came."""

from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType

from onhand.common.contracts import ReadFeed
from onhand.common.messaging.envelope import Envelope

BEGINNING = f"0-{UUID(int=0)}-0"
"""A place before everything that there is of an order."""

Place = tuple[int, str, int]
"""Turn, order and version: what places in the feed are ordered by."""


class Interest(NamedTuple):
    """What somebody wants to hear of: one order, the orders of one customer, or without both everything."""

    order_id: UUID | None = None
    customer_id: str | None = None

    def query(self, after: str | UnsetType) -> ReadFeed:
        """The question for what comes after a place."""
        return ReadFeed(
            after=after,
            order_ids=UNSET if self.order_id is None else (self.order_id,),
            customer_ids=UNSET if self.customer_id is None else (self.customer_id,),
        )


class Told(Struct, rename="camel", gc=False):
    """Something that has happened: what the gateway has to know of an entry.

    Attributes:
        event: the whole entry, as an event stream has it.
    """

    position: str
    order_id: str
    customer_id: str
    event: bytes = b""


class Page(NamedTuple):
    """A part of the feed; see `FeedPage`."""

    entries: list[Told]
    next: str
    has_more: bool
    is_unfinished: bool


class _Page(Struct, frozen=True, rename="camel"):
    entries: list[msgspec.Raw]
    next: str
    has_more: bool
    is_unfinished: bool


_read_page = msgspec.json.Decoder(_Page).decode
_read_told = msgspec.json.Decoder(Told).decode


def page_in(reply: Envelope) -> Page:
    """The page that a reply to `ReadFeed` has."""
    page = _read_page(reply.data)
    return Page([_told(raw) for raw in page.entries], page.next, page.has_more, page.is_unfinished)


def place_of(position: str) -> Place:
    """What a position is ordered by."""
    turn, rest = position.split("-", maxsplit=1)
    order_id, _, version = rest.rpartition("-")
    return int(turn), order_id, int(version)


def at(position: str) -> bytes:
    """What tells a client how far it has come, where there is nothing else to tell."""
    return f"id: {position}\n\n".encode()


def _told(raw: msgspec.Raw) -> Told:
    told = _read_told(raw)
    told.event = b"id: %b\ndata: %b\n\n" % (told.position.encode(), raw)
    return told
