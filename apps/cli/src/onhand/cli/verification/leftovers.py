"""What is left behind: events that are not told or not answered, entries that are not done with, holds that are over.

On a live system there is always something. So it is noted how far each outbox and each stream reaches, and what has to
be gone a moment later is what was there then. No clock is asked: neither a jump of it nor an entry that is given out
again and again makes anything look younger than it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from onhand.cli.verification.findings import Finding
from onhand.cli.verification.snapshots import Books
from onhand.common.database import Database
from onhand.common.errors import Unavailable
from onhand.common.messaging.inspection import Backlog, EntryId, Inspected, inspect_all
from onhand.common.messaging.janitor import reader_of
from onhand.common.messaging.streams import Streams

_MOST_MARKED = 100_000
_UNANSWERED = "SELECT fact FROM unanswered_events ORDER BY asked_at LIMIT $1"
_OVERDUE = """
    SELECT reservation_id FROM holds
    WHERE state = 'active' AND expires_at < statement_timestamp() ORDER BY expires_at LIMIT $1
"""
_STILL_OVERDUE = """
    SELECT reservation_id, round(extract(epoch FROM statement_timestamp() - expires_at), 1) AS seconds
    FROM holds
    WHERE reservation_id = ANY($1) AND state = 'active' AND expires_at < statement_timestamp()
"""


class Marks(NamedTuple):
    """How far outboxes and streams reached at one moment.

    Attributes:
        rows: for each service, the last row of its outbox.
        facts: for each service, the events that waited for an answer.
        holds: those that are over and have not ended.
        entries: for each stream, its last entry.
    """

    rows: Mapping[str, int]
    facts: Mapping[str, Sequence[str]]
    holds: Sequence[UUID]
    entries: Mapping[str, EntryId]

    @property
    def places(self) -> int:
        """How many places may hold something: outboxes, unanswered events, dead letters, holds, streams."""
        return 3 * len(self.rows) + 1 + len(self.entries)


async def set_marks(books: Books, streams: Streams) -> Marks:
    """Note how far outboxes and streams reach now.

    Raises:
        Unavailable: Redis is away.
    """
    rows = {service: await _last_row(database) for service, database in books.by_service()}
    facts = {service: await _column(database, _UNANSWERED) for service, database in books.by_service()}
    holds = await _column(books.inventory, _OVERDUE)
    return Marks(rows, facts, holds, {stream.key: stream.newest for stream in await inspect_all(streams)})


async def find_leftovers(books: Books, streams: Streams, marks: Marks) -> list[Finding]:
    """Find what is still to do of what was there when the marks were set; what came later is work in hand."""
    outboxes = [await _unpublished(service, database, marks.rows[service]) for service, database in books.by_service()]
    facts = [await _unanswered(service, database, marks.facts[service]) for service, database in books.by_service()]
    holds = await _not_expired(books.inventory, marks.holds)
    try:
        found = await inspect_all(streams)
    except Unavailable as error:
        waiting = [Finding("I5", "streams", f"cannot be looked at: {error}")]
    else:
        waiting = [finding for stream in found for finding in _unfinished(stream, marks.entries)]
    return [finding for finding in (*outboxes, *facts, *holds, *waiting) if finding]


async def _column(database: Database, query: str) -> list[Any]:
    async with database.transaction() as tx:
        return [row[0] for row in await tx.fetch(query, _MOST_MARKED)]


async def _unanswered(service: str, database: Database, facts: Sequence[str]) -> Finding | None:
    async with database.transaction() as tx:
        rows = await tx.fetch("SELECT fact, type, asks FROM unanswered_events WHERE fact = ANY($1)", facts)
    if not rows:
        return None
    fact, kind, asks = rows[0]
    problem = f"has {len(rows)} events that nobody answers, such as {kind} of {fact}, told {asks} times"
    return Finding("I5", f"unanswered events of {service}", problem, len(rows))


async def _not_expired(database: Database, holds: Sequence[UUID]) -> list[Finding]:
    async with database.transaction() as tx:
        rows = await tx.fetch(_STILL_OVERDUE, holds)
    return [Finding("I5", str(it["reservation_id"]), f"is held {it['seconds']} s after its time") for it in rows]


async def _last_row(database: Database) -> int:
    async with database.transaction() as tx:
        row: int = await tx.fetchval("SELECT coalesce(max(id), 0) FROM outbox")
        return row


async def _unpublished(service: str, database: Database, upto: int) -> Finding | None:
    async with database.transaction() as tx:
        left = await tx.fetchrow(
            """
            SELECT count(*) AS batches, sum(events) AS events,
                   round(extract(epoch FROM now() - min(written_at)), 1) AS seconds
            FROM outbox WHERE id <= $1
            """,
            upto,
        )
    if not left["batches"]:
        return None
    problem = f"has {left['events']} events to publish, the first since {left['seconds']} s"
    return Finding("I5", f"outbox of {service}", problem)


def _unfinished(stream: Inspected, marks: Mapping[str, EntryId]) -> Iterator[Finding]:
    upto = marks.get(stream.key, (0, 0))
    for backlog in stream.backlogs:
        if backlog.has_to_do(upto):
            yield Finding("I5", stream.key, _left_by_group(backlog))
    # Also if nothing is on the stream: what other groups have read may be gone, and this one has not seen it.
    reader = reader_of(stream.key)
    if stream.key in marks and reader not in {None, *(backlog.group for backlog in stream.backlogs)}:
        problem = f"group {reader}, which has to read it, is not there"
        yield Finding("I5", stream.key, f"{problem}; it has {stream.length} entries" if stream.length else problem)


def _left_by_group(backlog: Backlog) -> str:
    unread = "entries" if backlog.lag is None else f"{backlog.lag} entries"
    problem = f"has {unread} to read for group {backlog.group} and {backlog.pending} to acknowledge"
    if backlog.lowest_pending_ms is not None:
        problem += f", the first given out {backlog.lowest_pending_ms / 1000:.1f} s ago"
    if backlog.is_abandoned:
        problem += f"; nobody reads for it: `onhand forget {backlog.group}` if that is to stay so"
    return problem
