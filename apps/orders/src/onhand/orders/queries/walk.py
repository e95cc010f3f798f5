"""Places in the event log of all orders, and how it is walked along from one to another."""

from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET

from onhand.common.contracts import ReadFeed

MOST_WALKED = 2000
"""Entries that one page looks at, whether they are what is asked for or not."""
MOST_CHARACTERS = 500_000
"""Of what the entries of one page say: a reply has to pass through Redis with others."""

AFTER = "(turn, order_id, version) > ($1::text::xid8, $2::uuid, $3::integer) AND turn < $4::text::xid8"
"""Between two places; its parameters are made by `between`."""
WALK = f"""
    FROM order_events WHERE turn > '0' AND {AFTER} ORDER BY turn, order_id, version
"""

_NO_ID = UUID(int=0)


class Place(NamedTuple):
    """A place in the feed."""

    turn: int
    order_id: UUID = _NO_ID
    version: int = 0

    def __str__(self) -> str:
        return f"{self.turn}-{self.order_id}-{self.version}"


def place_of(text: str) -> Place:
    """The place that a text says, which `str` made of it."""
    turn, rest = text.split("-", maxsplit=1)
    order_id, _, version = rest.rpartition("-")
    return Place(int(turn), UUID(order_id), int(version))


def between(after: Place, complete_to: Place) -> tuple[str, UUID, int, str]:
    """The parameters of `AFTER`: behind a place, up to where the log is complete."""
    return str(after.turn), after.order_id, after.version, str(complete_to.turn)


def wants_everything(query: ReadFeed) -> bool:
    """Whether all orders are asked for."""
    return query.order_ids is UNSET and query.customer_ids is UNSET


def only_order(query: ReadFeed) -> UUID | None:
    """The order that is asked for, if it is one and nothing else."""
    return query.order_ids[0] if query.order_ids and len(query.order_ids) == 1 and not query.customer_ids else None
