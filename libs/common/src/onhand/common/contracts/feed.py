"""What has happened to orders, one entry after the other, for whoever wants to hear of all of it and miss nothing."""

from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from onhand.common.contracts.message import CustomerId, Query, Reply
from onhand.common.contracts.orders import QUERIES, TimelineEntry

MOST_FEED_ENTRIES = 1000
"""Entries of one page of the feed."""
MOST_WANTED = 5000
"""Orders, and customers, that one can ask for by name; who wants more asks for everything."""

FeedPosition = Annotated[str, Meta(pattern=r"\A[0-9]{1,19}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]{1,9}\Z")]
"""A place in the feed: turn, order, version. What comes later in the feed has a higher one."""
FeedLimit = Annotated[int, Meta(ge=1, le=MOST_FEED_ENTRIES)]


class ReadFeed(Query, frozen=True):
    """Tell what has happened to orders after a place in the feed, in order, as far as it is asked for.

    Attributes:
        after: where the page before ended. Without it, nothing is told but where the feed ends now.
        order_ids: tell of these orders; together with those of `customer_ids`. Without both, tell everything.
    """

    TYPE = "orders.read-feed.v1"
    TOPIC = QUERIES
    SUBJECT = "about"

    about: str = "orders"
    after: FeedPosition | UnsetType = UNSET
    limit: FeedLimit = MOST_FEED_ENTRIES
    order_ids: Annotated[tuple[UUID, ...], Meta(max_length=MOST_WANTED)] | UnsetType = UNSET
    customer_ids: Annotated[tuple[CustomerId, ...], Meta(max_length=MOST_WANTED)] | UnsetType = UNSET


class FeedEntry(TimelineEntry, frozen=True, kw_only=True):
    """One thing that happened to an order, and where in the feed."""

    position: FeedPosition
    order_id: UUID
    customer_id: CustomerId


class FeedPage(Reply, frozen=True, omit_defaults=False):
    """A part of the feed. Reply to `ReadFeed`.

    Attributes:
        next: up to where all was told that is asked for. It is less than what was asked only if that lies beyond all
            that there is: it is a place of another database, or an older state of this one was put back.
        has_more: whether there is more to be told already.
        is_unfinished: whether something is just being written, so that there may be more in a moment.
    """

    TYPE = "orders.feed-page.v1"
    SUBJECT = "about"

    about: str
    entries: tuple[FeedEntry, ...]
    next: FeedPosition
    has_more: bool
    is_unfinished: bool
