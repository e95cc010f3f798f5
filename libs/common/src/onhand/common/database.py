"""The PostgreSQL database of one service.

Services get a `Transaction` from the runtime and write SQL on it; only this file knows how it comes about.
"""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qs, urlsplit

import asyncpg

from onhand.common.database_errors import ENDS_CONNECTION
from onhand.common.errors import StartupError

Transaction: TypeAlias = Any
"""An `asyncpg.Connection` inside a transaction. asyncpg ships no types, hence `Any`."""

_FROZEN_MS = "10000"
_LONGEST_SNAPSHOT_MS = "3600000"
_LOCKED_MS = "20000"
_STATEMENT_SECONDS = 25.0
_ANSWER_SECONDS = 5.0
"""How long what takes no time may take: BEGIN, ROLLBACK, to say that a statement was cancelled."""
_SILENCE = "the database does not answer"
_COUNTED_SECONDS = 5.0
"""How long what a busy session writes may go uncounted."""

# A peer that has vanished without a word is noticed after some 10 s, also where nobody waits for an answer. Not every
# platform has every option.
_OF_TCP = {"TCP_KEEPIDLE": 5, "TCP_KEEPALIVE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}


async def walk_along_indexes(tx: Transaction) -> None:
    """Let PostgreSQL sort nothing that an index has in order, for the rest of a transaction that reads lists.

    Until a table that grows fast is analyzed, its rows are taken for few, and all of them would be read and sorted for
    one page: of 200,000 orders in 92 ms, along the index in 0.4 ms.
    """
    await tx.execute("SET LOCAL enable_sort = off")


class Transactions(Protocol):
    """Where one can have a transaction: a `Database`, or a `Session` of one."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction; commit at the end of the block, roll back if it raises."""


class Session:
    """A connection that is kept by who begins one transaction after the other. Made by `Database.session`.

    Taking a connection from the pool and giving it back costs as much as a short statement, and so does BEGIN: each
    COMMIT begins the next transaction along with it. `now()` is therefore the time of the COMMIT before; use
    `statement_timestamp()`. Now and then a COMMIT does not: PostgreSQL counts what a session has written only while it
    is in no transaction, and autovacuum goes by these counts.
    """

    def __init__(self, connection: Any) -> None:  # noqa: ANN401  # asyncpg ships no types
        self._connection = connection
        self._has_begun = False
        self._chained_since = time.monotonic()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        """Begin a transaction; commit at the end of the block, roll back if it raises."""
        if not self._has_begun:
            await _say(self._connection, "BEGIN", _ANSWER_SECONDS)
            self._chained_since = time.monotonic()
        self._has_begun = False
        try:
            yield self._connection
        except BaseException as error:
            await self._roll_back_after(error)
            raise
        chains = time.monotonic() - self._chained_since < _COUNTED_SECONDS
        if await _say(self._connection, "COMMIT AND CHAIN" if chains else "COMMIT") != "COMMIT":  # it says no more
            await _say(self._connection, "ROLLBACK", _ANSWER_SECONDS)
            raise RuntimeError("the transaction was rolled back: an error of a statement in it was passed over")
        self._has_begun = chains

    async def _roll_back_after(self, error: BaseException) -> None:
        if isinstance(error, ENDS_CONNECTION):
            _drop(self._connection)
            if isinstance(error, TimeoutError):
                raise TimeoutError(_SILENCE) from error
            return
        await _say(self._connection, "ROLLBACK", _ANSWER_SECONDS)
        if isinstance(error, asyncpg.InterfaceError) and not isinstance(error, asyncpg.DataError):
            # The connection is there, so the fault is in what was asked of it, and will be every time.
            raise TypeError(f"the driver refuses: {error}") from error

    async def rest(self) -> None:
        """Leave no transaction open while nothing is to be done."""
        if self._has_begun:
            self._has_begun = False
            await _say(self._connection, "ROLLBACK", _ANSWER_SECONDS)


async def _say(connection: Any, words: str, seconds: float | None = None) -> str:  # noqa: ANN401  # asyncpg ships no types
    """Begin or end a transaction; returns what the server says to that.

    Args:
        connection: where; it is dropped if no answer comes. The driver would wait once more for as long: for the end of
            what it wishes to be cancelled, before it says anything else or gives the connection back.
        words: what to say.
        seconds: how long to wait for the answer; None is as long as for any statement.
    """
    with _left_if_lost(connection):
        answer: str = await connection.execute(words, timeout=seconds)
    return answer


@contextmanager
def _left_if_lost(connection: Any) -> Iterator[None]:  # noqa: ANN401  # asyncpg ships no types
    try:
        yield
    except TimeoutError as error:
        _drop(connection)
        raise TimeoutError(_SILENCE) from error
    except asyncio.CancelledError:
        _drop(connection)
        raise
    except asyncpg.InternalClientError as error:
        # The server has said that it ends the connection, and not ended it yet. That it said so unasked confuses the
        # driver, which says of everything now that something else is under way.
        _drop(connection)
        raise ConnectionResetError("the server is about to end the connection") from error


def _drop(connection: Any) -> None:  # noqa: ANN401  # asyncpg ships no types
    """Leave a connection at once, without a word; the pool makes another one."""
    with suppress(asyncpg.InterfaceError):  # the driver has dropped it already
        connection.terminate()


class Database:
    """Connections to one PostgreSQL database. Made by `open_database`."""

    def __init__(self, pool: Any) -> None:  # noqa: ANN401  # asyncpg ships no types
        self._pool = pool

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[Session]:
        """Keep a connection for the length of the block; when it breaks, leave the block and come again."""
        async with self._pool.acquire() as connection:
            session = Session(connection)
            try:
                yield session
            except BaseException:
                with suppress(Exception):  # what went wrong first is what has to be known
                    await session.rest()
                raise
            await session.rest()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        """Begin a transaction; commit at the end of the block, roll back if it raises."""
        async with self.session() as session, session.transaction() as tx:
            yield tx

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Transaction]:
        """Begin a transaction that sees what is there now, whatever is committed meanwhile, and writes nothing."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            # It locks nobody out, so it may rest for long. Its moment is that of the first statement, not of BEGIN.
            await connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = {_LONGEST_SNAPSHOT_MS}; SELECT")
            yield connection

    async def look(self, query: str) -> list[Any]:
        """Ask by one statement.

        Whoever gives up waiting has done so at once: the connection is dropped, because a server that does not answer
        would not answer to the end of a transaction, nor to the wish to cancel a statement.

        Raises:
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError: it does not answer.
        """
        async with self._pool.acquire() as connection:
            with _left_if_lost(connection):
                rows: list[Any] = await connection.fetch(query)
        return rows

    async def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError: it gives none.
        """
        await self.look("SELECT 1")


@asynccontextmanager
async def open_database(
    url: str,
    setting: str,
    application: str,
    *,
    connections: int = 8,
    statement_seconds: float = _STATEMENT_SECONDS,
    reads_tables: bool = False,
) -> AsyncGenerator[Database]:
    """Connect to a database for the length of the block.

    The server cancels a statement that takes too long, and says so. So a connection on which nothing comes for some
    time after that leads nowhere, and is dropped.

    Args:
        url: `postgresql://...`
        setting: name of the environment variable the URL came from, for the error message.
        application: name the server shows for these connections.
        connections: most connections at once: one for each session, and some for what comes besides.
        statement_seconds: how long a statement may take.
        reads_tables: whether statements may read tables from end to end; those of services have a key to look up.

    Raises:
        StartupError: the URL is empty, the database cannot be reached, or it was never migrated.
    """
    if not url:
        raise StartupError(f"{setting} is not set: set it, or start everything with `onhand start`")
    try:
        pool = await asyncpg.create_pool(
            url,
            connect=_connect,
            min_size=1,
            max_size=connections,
            timeout=_ANSWER_SECONDS,
            command_timeout=statement_seconds + _ANSWER_SECONDS,
            init=_notice_who_vanishes,
            reset=_keep_session,
            server_settings={
                "application_name": application,
                # A process that is frozen in a transaction holds its locks; others would wait for as long.
                "idle_in_transaction_session_timeout": _FROZEN_MS,
                "lock_timeout": _LOCKED_MS,  # sooner than the statement's end, so that the one is told from the other
                "statement_timeout": str(int(statement_seconds * 1000)),
                # To weigh a plan for one set of parameters against the one for any takes longer than to lock a product,
                # and where the length of a list is all that differs, PostgreSQL does so each time.
                "plan_cache_mode": "auto" if reads_tables else "force_generic_plan",
                # A plan is kept for as long as a connection. Made while a table was short, it may read it from end to
                # end, and goes on to when there are a hundred thousand rows and nobody has analyzed them yet.
                "enable_seqscan": "on" if reads_tables else "off",
            },
        )
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or type(error).__name__
        raise StartupError(
            f"cannot connect to PostgreSQL at {_place(url)}: {reason}. Start it, or mend {setting}"
        ) from error
    try:
        if await pool.fetchval("SELECT to_regclass('outbox')") is None:
            raise StartupError(f"the database at {_place(url)} ({setting}) has no tables. Run `onhand migrate`")
        yield Database(pool)
    finally:
        with suppress(TimeoutError):  # to take leave is polite, and no more
            async with asyncio.timeout(_ANSWER_SECONDS):
                await pool.close()


def _place(url: str) -> str:
    """Where a URL points to, without its user and password."""
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
    return f"{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


async def _connect(*where: Any, **options: Any) -> Any:  # noqa: ANN401  # asyncpg ships no types
    try:
        return await asyncpg.connect(*where, **options)
    except TimeoutError as error:
        raise TimeoutError(_SILENCE) from error


async def _keep_session(_: object) -> None:
    """Sessions are never altered, so the round trip that would reset one on each release is saved."""


async def _notice_who_vanishes(connection: Any) -> None:  # noqa: ANN401  # asyncpg ships no types
    """Let the kernel look after a connection by TCP (socket(7), tcp(7))."""
    line = connection._transport.get_extra_info("socket")  # noqa: SLF001  # asyncpg has no other way to it
    if line.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OF_TCP.items():
        if (option := getattr(socket, name, None)) is not None:
            line.setsockopt(socket.IPPROTO_TCP, option, value)
