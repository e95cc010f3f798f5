"""What is left behind: events that are not published, entries that no group has finished with.

On a live system there is always something. So it is noted how far each outbox and each stream reaches, and what has to
be gone a moment later is what was there then. No clock is asked: neither a jump of it nor an entry that is given out
again and again makes anything look younger than it is.
"""

from collections.abc import Mapping
from typing import NamedTuple

from onhand.cli.verification.findings import Finding
from onhand.cli.verification.snapshots import Books
from onhand.common.database import Database
from onhand.common.errors import Unavailable
from onhand.common.messaging.inspection import Backlog, EntryId, backlogs
from onhand.common.messaging.streams import Streams


class Marks(NamedTuple):
    """How far outboxes and streams reached at one moment.

    Attributes:
        rows: for each service, the last row of its outbox.
        entries: for each stream, its last entry.
    """

    rows: Mapping[str, int]
    entries: Mapping[str, EntryId]

    @property
    def places(self) -> int:
        """How many places may hold something: outboxes, tables of dead letters, streams."""
        return 2 * len(self.rows) + len(self.entries)


async def set_marks(books: Books, streams: Streams) -> Marks:
    """Note how far outboxes and streams reach now.

    Raises:
        Unavailable: Redis is away.
    """
    rows = {service: await _last_row(database) for service, database in books.by_service()}
    return Marks(rows, {backlog.stream: backlog.newest for backlog in await backlogs(streams)})


async def find_leftovers(books: Books, streams: Streams, marks: Marks) -> list[Finding]:
    """Find what is still to do of what was there when the marks were set; what came later is work in hand."""
    outboxes = [await _unpublished(service, database, marks.rows[service]) for service, database in books.by_service()]
    try:
        groups = [_unfinished(backlog, marks.entries) for backlog in await backlogs(streams)]
    except Unavailable as error:
        groups = [Finding("I5", "streams", f"cannot be looked at: {error}")]
    return [finding for finding in (*outboxes, *groups) if finding]


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


def _unfinished(backlog: Backlog, marks: Mapping[str, EntryId]) -> Finding | None:
    if not backlog.has_to_do(marks.get(backlog.stream, (0, 0))):
        return None
    unread = "entries" if backlog.lag is None else f"{backlog.lag} entries"
    problem = f"has {unread} to read for group {backlog.group} and {backlog.pending} to acknowledge"
    if backlog.lowest_pending_ms is not None:
        problem += f", the first given out {backlog.lowest_pending_ms / 1000:.1f} s ago"
    return Finding("I5", backlog.stream, problem)
