"""How the event log of all orders is read on and on: in turn, and never past what may still get something before it.

Each page is two or three statements. The first asks which transactions have ended. Up to the lowest one that has not,
the log is complete, and the others, which see at least as much, read no further: nothing there changes any more.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from onhand.common.contracts import FeedEntry, FeedPage, ReadFeed
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received
from onhand.common.messaging.versions import in_todays_words
from onhand.orders.queries.recent_feed import Found, entry_of, recall
from onhand.orders.queries.walk import (
    AFTER,
    MOST_CHARACTERS,
    MOST_WALKED,
    WALK,
    Place,
    between,
    only_order,
    place_of,
    wants_everything,
)

# Until a log that grows fast is analyzed again, PostgreSQL takes it for a short one, and would read and sort all of it
# for each page. Services never read from end to end (`open_database`); nor is it to collect and sort here.
_ENDED = """
    SELECT pg_snapshot_xmin(seen)::text AS complete_to,
           pg_snapshot_xmin(seen) < pg_snapshot_xmax(seen) AS is_unfinished,
           set_config('enable_bitmapscan', 'off', true)
    FROM pg_current_snapshot() AS seen
"""
_COLUMNS = "turn, order_id, version, type, data, recorded_at, source, caused_by, actor, customer_id"
# `IN (SELECT ...)` is looked up in a hash table, `= ANY ($n)` compared one by one. Names are given as JSON: an array
# costs asyncpg 0.3 us for each, and there are thousands. Only an order's first event says whose it is. OFFSET 0 keeps
# PostgreSQL from finding that out twice.
_ALONG = f"""
    SELECT {_COLUMNS} FROM (SELECT * {WALK} LIMIT {MOST_WALKED}) AS walked
    CROSS JOIN LATERAL (
        SELECT coalesce(
            data ->> 'customerId', (SELECT customer_id FROM orders WHERE orders.order_id = walked.order_id)
        ) AS customer_id
        OFFSET 0
    ) AS known
    WHERE $5::boolean OR order_id IN (SELECT unnest($6::uuid[]))
        OR customer_id IN (SELECT jsonb_array_elements_text($7::jsonb))
    ORDER BY turn, order_id, version LIMIT $8
"""  # noqa: S608  # numbers and parameters
# Where a walk is broken off. It is asked apart, and only where a page is not full and not everything is wanted: a page
# of everything is full before that.
_LAST_WALKED = f"SELECT turn, order_id, version {WALK} OFFSET {MOST_WALKED - 1} LIMIT 1"
_OF_ORDER = f"""
    SELECT {_COLUMNS}
    FROM (
        SELECT * FROM order_events WHERE order_id = $5::uuid AND {AFTER} ORDER BY version LIMIT $6
    ) AS log CROSS JOIN (SELECT customer_id FROM orders WHERE orders.order_id = $5) AS known ORDER BY version
"""  # noqa: S608  # parameters


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


async def _find_page(query: ReadFeed, complete_to: Place, is_unfinished: bool, tx: Transaction) -> FeedPage:  # private
    if query.after is UNSET:
        return FeedPage(query.about, (), str(complete_to), has_more=False, is_unfinished=is_unfinished)
    after = place_of(query.after)
    entries, end = await recall(query, after, complete_to, tx) or await _read(query, after, complete_to, tx)
    return FeedPage(query.about, entries, str(end), has_more=end < complete_to, is_unfinished=is_unfinished)


async def _read(query: ReadFeed, after: Place, complete_to: Place, tx: Transaction) -> Found:
    """A page out of the log."""
    found = await _find(query, after, complete_to, tx)
    page = found[: _count_that_fit(found[: query.limit])]
    if len(page) < len(found):
        end = _place(page[-1])
    else:
        end = await _end_of_walk(query, after, complete_to, tx)
    return tuple(map(_entry, page)), end


async def _find(query: ReadFeed, after: Place, complete_to: Place, tx: Transaction) -> list[Any]:
    """What a page has, and one more if there is more."""
    if (order_id := only_order(query)) is not None:
        rows: list[Any] = await tx.fetch(_OF_ORDER, *between(after, complete_to), order_id, query.limit + 1)
    else:
        names = msgspec.json.encode(query.customer_ids or ()).decode()
        wanted = wants_everything(query), list(query.order_ids or ()), names
        rows = await tx.fetch(_ALONG, *between(after, complete_to), *wanted, query.limit + 1)
    return rows


async def _end_of_walk(query: ReadFeed, after: Place, complete_to: Place, tx: Transaction) -> Place:
    """Where the walk was broken off, or else where the log is complete, even if that is before its beginning."""
    last = None
    if only_order(query) is None and not wants_everything(query):
        last = await tx.fetchrow(_LAST_WALKED, *between(after, complete_to))
    return complete_to if last is None else _place(last)


def _entry(row: Any) -> FeedEntry:  # noqa: ANN401  # asyncpg ships no types
    turn, order_id, version, event_type, data, at, source, cause, actor, customer_id = row  # by name would take longer
    event_type, data = in_todays_words(event_type, data)
    of_order = str(order_id), version, customer_id
    return entry_of(turn, (*of_order, event_type, data, cause, source, actor, at, order_id))


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
