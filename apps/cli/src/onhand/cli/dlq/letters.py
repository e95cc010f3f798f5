"""Dead letters as they lie in the databases of the services."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from onhand.cli.checks import check_running, check_servers, told_when_away
from onhand.cli.dlq.choice import Choice, LetterId, State
from onhand.cli.system import System, database_setting
from onhand.common.database import Database, open_database
from onhand.common.errors import OnhandError

_LONGEST_QUERY_SECONDS = 600.0
"""How long a statement may take: there may be very many dead letters."""

_CHOSEN = """
    ($1::bigint[] IS NULL OR id = ANY($1)) AND ($2::text IS NULL OR topic = $2)
    AND ($3::text IS NULL OR position($3 IN type) > 0) AND ($4::text IS NULL OR key = $4)
    AND ($5::text IS NULL OR position(lower($5) IN lower(error)) > 0)
    AND ($6::timestamptz IS NULL OR buried_at >= $6) AND ($7::timestamptz IS NULL OR buried_at < $7)
    AND ($8::text IS NULL OR state = $8)
"""
_COLUMNS = """
    id, state, retry, key, type, message_id, topic, partition, entry_id, consumer, attempts, error,
    buried_at, first_failed_at, last_failed_at, (
        SELECT count(*) FROM dead_letters AS other
        WHERE other.key = it.key AND other.id > it.id AND other.state = 'parked'
    ) AS behind
"""


class NoSuchLetter(OnhandError):
    """Nothing is there that could be meant."""


class Letter(msgspec.Struct, frozen=True, rename="camel"):
    """A dead letter, without its payload.

    Attributes:
        retry: somebody wants it to be tried again, and that is not done yet.
        behind: how many messages are parked behind it.
        buried_at: when it was buried or parked.
    """

    id: str
    state: State
    retry: bool
    key: str | None
    type: str | None
    message_id: str | None
    topic: str
    partition: int | None
    entry_id: str
    consumer: str | None
    attempts: int
    error: str
    buried_at: datetime
    first_failed_at: datetime | None
    last_failed_at: datetime | None
    behind: int


class Waiting(NamedTuple):
    """What became of a letter that is still there.

    Attributes:
        is_due: it waits to be tried again.
    """

    is_due: bool
    error: str


class Letters:
    """The dead letters of some services. Made by `open_letters`."""

    def __init__(self, databases: Mapping[str, Database]) -> None:
        self._databases = databases

    async def find(self, choice: Choice, limit: int) -> tuple[list[Letter], int]:
        """Read the first of what is chosen, in order; also returns how many there are."""
        found: list[Letter] = []
        total = 0
        for service, database in self._databases.items():
            async with database.transaction() as tx:
                query = f"SELECT {_COLUMNS} FROM dead_letters AS it WHERE {_CHOSEN} ORDER BY id LIMIT $9"  # noqa: S608  # ours
                arguments = _arguments(choice, service)
                rows = await tx.fetch(query, *arguments, max(0, limit - len(found)))
                count = f"SELECT count(*) FROM dead_letters WHERE {_CHOSEN}"  # noqa: S608  # ours
                total += await tx.fetchval(count, *arguments)
            found += [_letter(service, row) for row in rows]
        return found, total

    async def read(self, letter_id: LetterId) -> tuple[Letter, bytes]:
        """Read one, with its payload.

        Raises:
            NoSuchLetter: it is not there.
        """
        async with self._databases[letter_id.service].transaction() as tx:
            row = await tx.fetchrow(
                f"SELECT {_COLUMNS}, payload FROM dead_letters AS it WHERE id = $1",  # noqa: S608  # our own columns
                letter_id.row,
            )
        if row is None:
            raise NoSuchLetter(f"there is no dead letter {letter_id}")
        return _letter(letter_id.service, row), row["payload"]

    async def ids(self, choice: Choice) -> list[LetterId]:
        """Find out which are chosen.

        Raises:
            NoSuchLetter: one that is named is not there, or no other is.
        """
        found = []
        for service, database in self._databases.items():
            async with database.transaction() as tx:
                query = f"SELECT id FROM dead_letters WHERE {_CHOSEN} ORDER BY id"  # noqa: S608  # ours
                rows = await tx.fetch(query, *_arguments(choice, service))
            found += [LetterId(service, row["id"]) for row in rows]
        if missing := sorted(set(choice.ids) - set(found)):
            raise NoSuchLetter(f"there is no dead letter {', '.join(map(str, missing))}")
        if not found:
            raise NoSuchLetter("no dead letter is like that")
        return found

    async def mark(self, ids: Collection[LetterId]) -> None:
        """Want letters to be tried again; their service will do it."""
        for service, rows in _by_service(ids).items():
            async with self._databases[service].transaction() as tx:
                query = "UPDATE dead_letters SET retry = true WHERE id = ANY($1) AND state = 'failed'"
                await tx.execute(query, rows)

    async def look(self, ids: Collection[LetterId]) -> dict[LetterId, Waiting]:
        """Tell which letters are still there, and why."""
        found = {}
        for service, rows in _by_service(ids).items():
            async with self._databases[service].transaction() as tx:
                query = "SELECT id, retry, error FROM dead_letters WHERE id = ANY($1)"
                for row in await tx.fetch(query, rows):
                    found[LetterId(service, row["id"])] = Waiting(row["retry"], row["error"])
        return found

    async def parked_behind(self, ids: Collection[LetterId]) -> list[LetterId]:
        """Find out what is parked behind letters."""
        found = []
        for service, rows in _by_service(ids).items():
            async with self._databases[service].transaction() as tx:
                query = """
                    SELECT it.id FROM dead_letters AS it JOIN (
                        SELECT key, min(id) AS first FROM dead_letters WHERE id = ANY($1) GROUP BY key
                    ) AS chosen ON it.key = chosen.key AND it.id > chosen.first
                    WHERE it.state = 'parked' ORDER BY it.id
                """
                found += [LetterId(service, row["id"]) for row in await tx.fetch(query, rows)]
        return found

    async def drop(self, ids: Collection[LetterId]) -> list[LetterId]:
        """Delete letters; returns those that were still there."""
        dropped = []
        for service, rows in _by_service(ids).items():
            async with self._databases[service].transaction() as tx:
                query = "DELETE FROM dead_letters WHERE id = ANY($1) RETURNING id"
                dropped += [LetterId(service, row["id"]) for row in await tx.fetch(query, rows)]
        return sorted(dropped)

    async def replace(self, letter_id: LetterId, payload: bytes, new: bytes) -> None:
        """Put another payload in place of the one that was read.

        Raises:
            NoSuchLetter: it was handled, edited or dropped meanwhile.
        """
        async with self._databases[letter_id.service].transaction() as tx:
            query = "UPDATE dead_letters SET payload = $3 WHERE id = $1 AND payload = $2 RETURNING id"
            if not await tx.fetch(query, letter_id.row, payload, new):
                raise NoSuchLetter(f"{letter_id} was handled, edited or dropped meanwhile, and is not changed")


@asynccontextmanager
async def open_letters(system: System, services: Sequence[str]) -> AsyncGenerator[Letters]:
    """Open the databases of services for the length of the block.

    Raises:
        StartupError: one does not run, or was never migrated.
        Unavailable: one went away meanwhile.
    """
    check_servers({name: url for name, url in system.configured_urls(services).items() if name != "REDIS_URL"})
    check_running(system.database_servers(services), system.home)
    async with AsyncExitStack() as stack:
        databases = {
            service: await stack.enter_async_context(
                open_database(
                    url,
                    database_setting(service),
                    "onhand-dlq",
                    statement_seconds=_LONGEST_QUERY_SECONDS,
                    reads_tables=True,
                )
            )
            for service, url in system.database_urls(services).items()
        }
        with told_when_away("the dead letters cannot be reached"):
            yield Letters(databases)


def _arguments(choice: Choice, service: str) -> tuple[object, ...]:
    rows = [row for owner, row in choice.ids if owner == service] if choice.ids else None
    _, _, topic, kind, key, error, since, before, state = choice
    return rows, topic, kind, key, error, since, before, state


def _by_service(ids: Collection[LetterId]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for service, row in ids:
        rows.setdefault(service, []).append(row)
    return rows


def _letter(service: str, row: Any) -> Letter:  # noqa: ANN401  # asyncpg ships no types
    columns = {name: row[name] for name in Letter.__struct_fields__ if name not in {"id", "state"}}
    return Letter(id=str(LetterId(service, row["id"])), state=State(row["state"]), **columns)
