"""Pages of the feed out of memory: what this process wrote itself is only counted in the log, and not read.

To read an entry costs PostgreSQL and the driver more than all else that is done with it, and whoever listens under
load asks for what was written a tenth of a second ago (docs/adr/0030).
"""

from collections.abc import Sequence
from itertools import compress
from operator import itemgetter
from uuid import UUID

import msgspec
from msgspec import UNSET

from onhand.common.contracts import FeedEntry, ReadFeed
from onhand.common.database import Transaction
from onhand.orders.queries.walk import MOST_CHARACTERS, MOST_WALKED, WALK, Place, between, only_order, wants_everything
from onhand.orders.store.recent import RECENT, Row, Written

_TURNS = f"""
    SELECT turn, count(*) AS entries, min(recorded_at) AS first_at, max(recorded_at) AS last_at
    FROM (SELECT turn, recorded_at {WALK} LIMIT {MOST_WALKED}) AS walked GROUP BY turn ORDER BY turn
"""  # noqa: S608  # numbers and parameters

Found = tuple[tuple[FeedEntry, ...], Place]
"""Entries of the feed, and up to where these are all that is asked for."""

_data = itemgetter(4)


async def recall(query: ReadFeed, after: Place, complete_to: Place, tx: Transaction) -> Found | None:
    """A page of turns to their ends, as many as it has room for; None if the first has to be read in the log."""
    RECENT.note_read()
    if not RECENT.reaches(after.turn) or only_order(query) is not None:
        return None
    turns = await tx.fetch(_TURNS, *between(Place(after.turn), complete_to))  # each whole, or it could not be compared
    is_cut = sum(row["entries"] for row in turns) == MOST_WALKED
    wanted, told = _Wanted(query), (str(after.order_id), after.version)
    entries: list[FeedEntry] = []
    characters, end = 0, None
    for turn, *counted in turns[:-1] if is_cut else turns:
        written = RECENT.find(turn, *counted)
        if written is None:
            break
        rows = wanted.rows_of(written)
        if turn == after.turn:
            rows = [row for row in rows if row[:2] > told]
        characters += sum(map(len, map(_data, rows)))
        if len(entries) + len(rows) > query.limit or characters > MOST_CHARACTERS:
            break
        entries += [entry_of(turn, row) for row in rows]
        end = Place(turn + 1)
    else:
        end = end if is_cut else complete_to
    return None if end is None else (tuple(entries), end)


def entry_of(turn: int, row: Row) -> FeedEntry:
    """What is told of an entry of a turn."""
    name, version, customer_id, event_type, data, cause, source, actor, recorded_at, order_id = row
    return FeedEntry(
        position=f"{turn}-{name}-{version}",
        order_id=order_id,
        customer_id=customer_id,
        version=version,
        type=event_type,
        at=recorded_at,
        source=source,
        cause=cause,
        data=msgspec.Raw(data),  # type: ignore[arg-type]  # it is JSON, and is to be JSON again
        actor=actor or UNSET,
    )


class _Wanted:
    def __init__(self, query: ReadFeed) -> None:
        self._everything = wants_everything(query)
        self._order_ids = frozenset(query.order_ids or ())
        self._customer_ids = frozenset(query.customer_ids or ())

    def rows_of(self, written: Sequence[Written]) -> list[Row]:
        """Those of the entries that are asked for, by order and version."""
        rows: list[Row] = []
        for its in written:
            if self._everything:
                rows += its.rows()
            elif self._order_ids:
                rows += compress(its.rows(), map(self._wants, its.customer_ids, its.order_ids))
            else:
                rows += compress(its.rows(), map(self._customer_ids.__contains__, its.customer_ids))
        rows.sort()
        return rows

    def _wants(self, customer_id: str, order_id: UUID) -> bool:
        return customer_id in self._customer_ids or order_id in self._order_ids
