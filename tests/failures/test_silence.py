"""A connection to PostgreSQL on which nothing comes any more, though nobody has closed it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest

from onhand.common import database as database_module
from onhand.common.database import Database, open_database
from onhand.common.database_errors import is_database_away, takes_too_long
from onhand.common.messaging.streams import Streams
from onhand.common.testing import eventually
from tests.databases import Databases
from tests.failures.proxy import Faults, Proxy, running_proxy
from toy import consuming, create_table, pending, send, things

STATEMENT_SECONDS = 1.0
ANSWER_SECONDS = 0.5
LIMIT_SECONDS = STATEMENT_SECONDS + ANSWER_SECONDS


@pytest.fixture
async def proxy(databases: Databases, orders_database: Database) -> AsyncIterator[Proxy]:
    await create_table(orders_database)
    with running_proxy(databases.url("orders")) as running:
        yield running


@pytest.fixture
async def through(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """The database through the proxy, with limits that are short."""
    monkeypatch.setattr(database_module, "_ANSWER_SECONDS", ANSWER_SECONDS)
    async with open_database(proxy.url, "", "test", statement_seconds=STATEMENT_SECONDS) as database:
        yield database


@pytest.mark.parametrize("reply", ["INSERT", "COMMIT"])
async def test_a_batch_is_done_again_elsewhere_after_one_limit_when_its_connection_goes_silent(
    proxy: Proxy, through: Database, orders_database: Database, streams: Streams, reply: str
) -> None:
    async def is_done() -> bool:
        return {"a", "b"} == await things(orders_database) and not await pending(streams)

    async def is_counted() -> bool:
        return {"a"} == await things(orders_database)

    async with consuming(through, streams):
        await send(streams, "a")
        await eventually(is_counted)
        proxy.use(Faults(lose={reply: 1.0}, silence=1.0, at_most=1))
        began = time.monotonic()
        await send(streams, "b")
        await eventually(is_done)
        assert LIMIT_SECONDS <= time.monotonic() - began < 2 * LIMIT_SECONDS
    assert proxy.done[f"silent {reply}"] == 1


async def write(database: Database, *, fails: bool) -> None:
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO things VALUES ('a')")
        if fails:
            raise ZeroDivisionError


@pytest.mark.parametrize(("reply", "fails"), [("BEGIN", False), ("ROLLBACK", True)])
async def test_where_nothing_takes_time_silence_is_noticed_sooner(
    proxy: Proxy, through: Database, reply: str, fails: bool
) -> None:
    await through.ping()  # it was used, and has rested in the pool since
    proxy.use(Faults(lose={reply: 1.0}, silence=1.0, at_most=1))
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="the database does not answer"):
        await write(through, fails=fails)
    await write(through, fails=False)
    assert ANSWER_SECONDS <= time.monotonic() - began < STATEMENT_SECONDS
    assert await things(through) == {"a"}


async def test_who_only_looks_waits_for_one_limit(proxy: Proxy, through: Database) -> None:
    proxy.use(Faults(lose={"SELECT": 1.0}, silence=1.0, at_most=1))
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="the database does not answer"):
        await through.ping()
    await through.ping()
    assert LIMIT_SECONDS <= time.monotonic() - began < 2 * LIMIT_SECONDS


async def test_who_gives_up_a_transaction_does_not_wait_for_the_server(proxy: Proxy, through: Database) -> None:
    proxy.use(Faults(lose={"INSERT": 1.0}, silence=1.0, at_most=1))
    writing = asyncio.create_task(write(through, fails=False))
    await eventually(lambda: _is_silent(proxy))
    began = time.monotonic()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert time.monotonic() - began < ANSWER_SECONDS
    await write(through, fails=False)


async def _is_silent(proxy: Proxy) -> bool:
    return proxy.done["silent INSERT"] > 0


async def test_a_connection_that_the_server_is_about_to_end_is_left_for_another(
    proxy: Proxy, through: Database, orders_database: Database
) -> None:
    proxy.use(Faults(farewell_seconds=60))
    with pytest.raises(OSError, match="about to end") as raised:
        await use_a_session_until_it_ends(through, orders_database)
    assert is_database_away(raised.value)
    async with through.transaction() as tx:
        backend = await tx.fetchval("SELECT pg_backend_pid()")
    await end(orders_database, backend)
    with suppress(ConnectionResetError):  # or the pool has noticed by itself
        await through.ping()
    await write(through, fails=False)
    assert await things(through) == {"a"}


async def use_a_session_until_it_ends(through: Database, database: Database) -> None:
    async with through.session() as session:
        async with session.transaction() as tx:
            backend = await tx.fetchval("SELECT pg_backend_pid()")
        await end(database, backend)


async def end(database: Database, backend: int) -> None:
    """Let the server end a connection, and wait until its last words must have come."""
    await database.look(f"SELECT pg_terminate_backend({backend}, 5000)")
    await asyncio.sleep(0.1)


async def test_a_slow_statement_is_ended_by_the_server_and_the_session_goes_on(through: Database) -> None:
    async with through.session() as session:
        async with session.transaction() as tx:
            backend = await tx.fetchval("SELECT pg_backend_pid()")
        with pytest.raises(asyncpg.QueryCanceledError) as raised:
            async with session.transaction() as tx:
                await tx.execute("SELECT pg_sleep(30)")
        async with session.transaction() as tx:
            assert await tx.fetchval("SELECT pg_backend_pid()") == backend
    assert takes_too_long(raised.value)
    assert not takes_too_long(TimeoutError())
    assert is_database_away(TimeoutError())


async def test_the_kernel_looks_after_connections_by_tcp(through: Database) -> None:
    async with through.transaction() as tx:
        line = tx._transport.get_extra_info("socket")  # noqa: SLF001  # asyncpg has no other way to it
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
