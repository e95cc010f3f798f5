"""A database that can be asked and not written to: a standby, or a primary that became one."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest

from conftest import Servers
from onhand.common.database import Database, Transaction, open_database
from onhand.common.errors import Unavailable
from onhand.common.health import Health
from onhand.common.message_service import check_work
from onhand.common.messaging.consumer import Consumer, Member
from onhand.common.messaging.dead_keys import DeadKeys
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.retry import is_transient
from onhand.common.testing import eventually
from toy import Count, count, create_table, send, things

STANDBY = "ALTER DATABASE orders_test SET default_transaction_read_only = on"
PRIMARY = "ALTER DATABASE orders_test RESET default_transaction_read_only"


@pytest.fixture
async def admin(orders_database: Database) -> AsyncIterator[Transaction]:
    """A session that may write whatever the others may."""
    async with orders_database._pool.acquire() as connection:  # noqa: SLF001  # it began before, so it keeps its leave
        yield connection


@pytest.fixture
async def standby(servers: Servers, orders_database: Database, admin: Transaction) -> AsyncIterator[Database]:
    """The same database for those who connect from now on."""
    await create_table(orders_database)
    await admin.execute(STANDBY)
    url = servers.embedded.postgres_url("orders_test")
    async with open_database(url, "TEST_DATABASE_URL", "test") as database:
        yield database


async def note(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO things VALUES ('a')")


async def test_what_cannot_be_written_now_may_be_written_later(standby: Database, admin: Transaction) -> None:
    async def is_written() -> bool:
        try:
            await note(standby)
        except asyncpg.ReadOnlySQLTransactionError as error:
            assert is_transient(error)  # noqa: PT017  # it may come some times or never
            return False
        return True

    await standby.ping()
    assert not await is_written()
    assert not await is_written()
    await admin.execute(PRIMARY)
    await eventually(is_written)  # by a connection that was made since: others keep what they found when they were made
    assert await things(standby) == {"a"}


async def test_what_the_server_could_not_read_from_its_disk_it_may_be_able_to_read_later(
    orders_database: Database,
) -> None:
    async with orders_database.session() as session:
        with pytest.raises(asyncpg.PostgresSystemError) as raised:
            async with session.transaction() as tx:
                await tx.execute("SELECT pg_read_file('nowhere')")
    assert is_transient(raised.value)


async def test_a_service_whose_database_stores_nothing_is_not_ready_until_it_does(
    standby: Database, admin: Transaction, streams: Streams
) -> None:
    consumer = Consumer("toy", [Subscription(Count, count)], standby, streams, Member("toy-1"), DeadKeys())
    stopping = asyncio.Event()
    task = asyncio.create_task(consumer.run(stopping))
    health = Health("toy", {"work": partial(check_work, [[consumer]])})
    assert await health.is_ready()
    await send(streams, "a", "b")

    async def is_ready() -> bool:
        return "read-only transaction" not in (await health.check())["work"]

    async def is_not_ready() -> bool:
        return not await is_ready()

    await eventually(is_not_ready)
    await asyncio.sleep(0.5)
    assert await is_not_ready(), "it tries again, in vain"
    await admin.execute(PRIMARY)
    await eventually(is_ready)
    assert await things(standby) == {"a", "b"}
    stopping.set()
    await task


async def test_one_partition_in_trouble_does_not_speak_for_those_that_work(standby: Database, streams: Streams) -> None:
    stuck, idle, working = [
        Consumer("toy", [Subscription(Count, count)], standby, streams, Member("toy-1"), DeadKeys()) for _ in range(3)
    ]
    stuck.trouble.is_there(TimeoutError("slow"))
    await check_work([[idle, stuck], [working]])
    with pytest.raises(Unavailable, match="nothing can be done: TimeoutError: slow"):
        await check_work([[idle, stuck]])
