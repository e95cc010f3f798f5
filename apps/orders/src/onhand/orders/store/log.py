"""What an entry of the event log says."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from onhand.common.contracts import Event
from onhand.common.messaging.envelope import Envelope


class Columns(NamedTuple):
    """Entries of the event log, column by column, as PostgreSQL takes them."""

    types: list[str]
    data: list[str]
    caused_by: list[str]
    sources: list[str]
    actors: list[str | None]

    def at(self, places: Sequence[int]) -> "Columns":
        """Some of the entries, by their places."""
        return Columns._make([column[place] for place in places] for column in self)


def columns(events: Sequence[Event], causes: Sequence[Envelope]) -> Columns:
    """Write down events.

    Args:
        events: what has happened.
        causes: for each, the envelope of the message that led to it.
    """
    return Columns(
        [event.TYPE for event in events],
        [msgspec.json.encode(event).decode() for event in events],
        [cause.id for cause in causes],
        [cause.source.removeprefix("/") for cause in causes],
        [cause.actor or None for cause in causes],
    )
