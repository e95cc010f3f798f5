"""How the event log of all orders is read on and on: in turn, and never past what may still get something before it.

Each page is two statements. The first asks which transactions have ended. Up to the lowest one that has not, the log is
complete, and the second, which sees at least as much, reads no further than that.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET

from onhand.common.contracts import FeedEntry, FeedPage, ReadFeed
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received
from onhand.common.messaging.versions import in_todays_words

MOST_WALKED = 2000
"""Entries that one page looks at, whether they are what is asked for or not."""
MOST_CHARACTERS = 500_000
"""Of what the entries of one page say: a reply has to pass through Redis with others."""

_NO_ID = UUID(int=0)

# Until a log that grows fast is analyzed again, PostgreSQL takes it for a short one, and would read and sort all of it
# for each page. Services never read from end to end (`open_database`); nor is it to collect and sort here.
_ENDED = """
    SELECT pg_snapshot_xmin(seen)::text AS complete_to,
           pg_snapshot_xmin(seen) < pg_snapshot_xmax(seen) AS is_unfinished,
           set_config('enable_bitmapscan', 'off', true)
    FROM pg_current_snapshot() AS seen
"""
_AFTER = "(turn, order_id, version) > ($1::text::xid8, $2::uuid, $3::integer) AND turn < $4::text::xid8"
# `IN (SELECT unnest ...)` is looked up in a hash table, `= ANY ($n)` compared one by one. The last step of a walk that
# is broken off is told in any case, as in lists.py. LIMIT 1 keeps PostgreSQL from reading all orders for a join.
_ALONG = f"""
    SELECT * FROM (
        SELECT walked.*, customer_id, $5::boolean OR order_id IN (SELECT unnest($6::uuid[]))
            OR customer_id IN (SELECT unnest($7::text[])) AS is_wanted
        FROM (
            SELECT *, row_number() OVER (ORDER BY turn, order_id, version) AS step FROM (
                SELECT * FROM order_events WHERE turn > '0' AND {_AFTER}
                ORDER BY turn, order_id, version LIMIT {MOST_WALKED}
            ) AS next_ones
        ) AS walked
        CROSS JOIN LATERAL (
            SELECT customer_id FROM orders WHERE orders.order_id = walked.order_id LIMIT 1
        ) AS known
    ) AS looked_at WHERE is_wanted OR step = {MOST_WALKED} ORDER BY turn, order_id, version LIMIT $8
"""  # noqa: S608  # numbers and parameters
_OF_ORDER = f"""
    SELECT log.*, true AS is_wanted, 0 AS step, (SELECT customer_id FROM orders WHERE orders.order_id = $5)
    FROM (
        SELECT * FROM order_events WHERE order_id = $5::uuid AND {_AFTER} ORDER BY version LIMIT $6
    ) AS log ORDER BY version
"""  # noqa: S608  # parameters


class Place(NamedTuple):
    """A place in the feed."""

    turn: int
    order_id: UUID = _NO_ID
    version: int = 0

    def __str__(self) -> str:
        return f"{self.turn}-{self.order_id}-{self.version}"


async def read_feed(batch: Sequence[Received[ReadFeed]], tx: Transaction) -> list[Answer]:
    """Answer each with what comes after a place in the feed, up to where it is complete."""
    ended = await tx.fetchrow(_ENDED)
    return [
        Answer(
            to=received,
            reply=await _find_page(received.message, Place(int(ended["complete_to"])), ended["is_unfinished"], tx),
        )
        for received in batch
    ]


def place_of(text: str) -> Place:
    """The place that a text says, which `str` made of it."""
    turn, rest = text.split("-", maxsplit=1)
    order_id, _, version = rest.rpartition("-")
    return Place(int(turn), UUID(order_id), int(version))


async def _find_page(query: ReadFeed, complete_to: Place, is_unfinished: bool, tx: Transaction) -> FeedPage:  # private
    if query.after is UNSET:
        return FeedPage(query.about, (), str(complete_to), has_more=False, is_unfinished=is_unfinished)
    after = place_of(query.after)
    rows = await _find_rows(query, after, complete_to, tx)
    found = [row for row in rows if row["is_wanted"]]
    page = found[: _count_that_fit(found[: query.limit])]
    if len(page) < len(found):
        end = _place(page[-1])
    else:  # it was broken off, or came to where the log is complete
        end = _place(rows[-1]) if rows and rows[-1]["step"] == MOST_WALKED else max(after, complete_to)
    return FeedPage(
        query.about, tuple(map(_entry, page)), str(end), has_more=end < complete_to, is_unfinished=is_unfinished
    )


async def _find_rows(query: ReadFeed, after: Place, complete_to: Place, tx: Transaction) -> list[Any]:
    between = (str(after.turn), after.order_id, after.version, str(complete_to.turn))
    orders, customers = list(query.order_ids or ()), list(query.customer_ids or ())
    if len(orders) == 1 and not customers:
        rows: list[Any] = await tx.fetch(_OF_ORDER, *between, orders[0], query.limit + 1)
    else:
        everything = query.order_ids is UNSET and query.customer_ids is UNSET
        rows = await tx.fetch(_ALONG, *between, everything, orders, customers, query.limit + 1)
    return rows


def _entry(row: Any) -> FeedEntry:  # noqa: ANN401  # asyncpg ships no types
    event_type, data = in_todays_words(row["type"], row["data"])
    return FeedEntry(
        position=f"{row['turn']}-{row['order_id']}-{row['version']}",
        order_id=row["order_id"],
        customer_id=row["customer_id"],
        version=row["version"],
        type=event_type,
        at=row["recorded_at"],
        source=row["source"],
        cause=row["caused_by"],
        data=msgspec.Raw(data.encode()),  # type: ignore[arg-type]  # it is JSON, and is to be JSON again
        actor=row["actor"] or UNSET,
    )


def _place(row: Any) -> Place:  # noqa: ANN401  # asyncpg ships no types
    return Place(int(row["turn"]), row["order_id"], row["version"])


def _count_that_fit(rows: Sequence[Any]) -> int:
    """How many of the first rows make a page that is not too long; at least one."""
    characters = 0
    for count, row in enumerate(rows):
        characters += len(row["data"])
        if characters > MOST_CHARACTERS and count:
            return count
    return len(rows)
