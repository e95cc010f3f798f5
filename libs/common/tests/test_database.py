import asyncio
import socket
from contextlib import suppress
from datetime import timedelta

import pytest

from conftest import Servers
from onhand.common import database
from onhand.common.database import Database, Session, open_database
from onhand.common.errors import StartupError
from tests.databases import Databases


async def test_what_raises_is_rolled_back(orders_database: Database) -> None:
    async def fail() -> None:
        async with orders_database.transaction() as tx:
            await tx.execute("INSERT INTO inbox (message_id) VALUES ('a')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with orders_database.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM inbox") == 0


async def test_a_session_commits_what_does_not_raise_and_rolls_back_what_does(orders_database: Database) -> None:
    async def note(session: Session, name: str, *, fails: bool = False) -> None:
        async with session.transaction() as tx:
            await tx.execute("INSERT INTO inbox (message_id) VALUES ($1)", name)
            if fails:
                raise ZeroDivisionError

    async with orders_database.session() as session:
        await note(session, "a")
        await note(session, "b")
        with pytest.raises(ZeroDivisionError):
            await note(session, "c", fails=True)
        await note(session, "d")
        assert await noted(orders_database) == ["a", "b", "d"]  # others see it, so it is committed


async def test_a_transaction_that_postgresql_gave_up_is_not_taken_for_committed(orders_database: Database) -> None:
    async def pass_over_an_error(session: Session) -> None:
        async with session.transaction() as tx:
            await tx.execute("INSERT INTO inbox (message_id) VALUES ('a')")
            with suppress(Exception):
                await tx.execute("SELECT 1 / 0")

    async with orders_database.session() as session:
        with pytest.raises(RuntimeError, match="passed over"):
            await pass_over_an_error(session)
        async with session.transaction() as tx:
            await tx.execute("INSERT INTO inbox (message_id) VALUES ('b')")
    assert await noted(orders_database) == ["b"]


async def test_a_session_that_rests_has_no_transaction_open(orders_database: Database) -> None:
    async with orders_database.session() as session:
        async with session.transaction() as tx:
            backend = await tx.fetchval("SELECT pg_backend_pid()")
        await session.rest()
        async with orders_database.transaction() as tx:
            state = await tx.fetchval("SELECT state FROM pg_stat_activity WHERE pid = $1", backend)
    assert state == "idle"


async def test_what_a_session_writes_that_never_rests_is_counted(
    orders_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def counted() -> int:
        async with orders_database.transaction() as tx:
            rows: int = await tx.fetchval("SELECT n_tup_ins FROM pg_stat_user_tables WHERE relid = 'inbox'::regclass")
        return rows

    before = await counted()
    monkeypatch.setattr(database, "_COUNTED_SECONDS", 0.1)
    async with orders_database.session() as session, asyncio.timeout(20):
        while await counted() == before:
            async with session.transaction() as tx:
                await tx.execute("INSERT INTO inbox (message_id) SELECT gen_random_uuid()")


async def test_a_statement_is_planned_once_whatever_it_is_asked_for(orders_database: Database) -> None:
    async with orders_database.session() as session:
        for count in range(10):
            async with session.transaction() as tx:
                await tx.fetch("SELECT FROM inbox WHERE message_id = ANY($1)", ["a"] * (count + 1))
        async with session.transaction() as tx:
            plans = await tx.fetch(
                "SELECT custom_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT FROM inbox%'"
            )
    assert [row["custom_plans"] for row in plans] == [0]


async def test_what_went_wrong_in_a_session_is_told_also_if_its_end_goes_wrong(orders_database: Database) -> None:
    async def fail_on_a_lost_connection() -> None:
        async with orders_database.session() as session:
            async with session.transaction() as tx:
                backend = await tx.fetchval("SELECT pg_backend_pid()")
            async with orders_database.transaction() as tx:
                await tx.execute("SELECT pg_terminate_backend($1)", backend)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_on_a_lost_connection()
    assert await noted(orders_database) == []  # there is another connection


async def test_times_are_those_of_the_statement_also_in_a_transaction_that_began_before(
    orders_database: Database,
) -> None:
    async with orders_database.session() as session:
        async with session.transaction() as tx:
            before = await tx.fetchval("SELECT clock_timestamp()")
        async with session.transaction() as tx:
            await tx.execute("SELECT pg_sleep(0.01)")
            await tx.execute("INSERT INTO inbox (message_id) VALUES ('a')")
            written = await tx.fetchval("SELECT received_at FROM inbox")
    assert written - before >= timedelta(seconds=0.01)


@pytest.mark.parametrize(("reads_tables", "way"), [(False, "Index"), (True, "Seq Scan")])
async def test_a_row_of_a_short_table_is_looked_up_by_its_key_because_the_table_will_be_long(
    databases: Databases, orders_database: Database, reads_tables: bool, way: str
) -> None:
    async with orders_database.transaction() as tx:
        await tx.execute("CREATE TABLE things (thing text PRIMARY KEY)")
        await tx.execute("INSERT INTO things VALUES ('a')")
        await tx.execute("ANALYZE things")
    async with open_database(databases.url("orders"), "", "test", reads_tables=reads_tables) as database:
        plan = await database.look("EXPLAIN SELECT thing FROM things WHERE thing = 'a'")
    assert way in plan[0]["QUERY PLAN"]


async def test_a_snapshot_sees_what_was_there_when_it_began_and_changes_nothing(orders_database: Database) -> None:
    async with orders_database.snapshot() as snapshot:
        async with orders_database.transaction() as tx:
            await tx.execute("INSERT INTO inbox (message_id) VALUES ('a')")
        assert await snapshot.fetchval("SELECT count(*) FROM inbox") == 0
        with pytest.raises(Exception, match="read-only transaction"):
            await snapshot.execute("DELETE FROM inbox")
    assert await noted(orders_database) == ["a"]


async def test_a_snapshot_may_rest_for_longer_than_other_transactions(orders_database: Database) -> None:
    limit = "SHOW idle_in_transaction_session_timeout"
    async with orders_database.snapshot() as snapshot:
        assert await snapshot.fetchval(limit) == "1h"
    async with orders_database.transaction() as tx:
        assert await tx.fetchval(limit) == "10s"


async def noted(database: Database) -> list[str]:
    async with database.transaction() as tx:
        return [row["message_id"] for row in await tx.fetch("SELECT message_id FROM inbox ORDER BY 1")]


async def test_a_database_that_was_never_migrated_is_told_in_one_line(servers: Servers) -> None:
    with pytest.raises(StartupError, match=r"/postgres \(TOY_DATABASE_URL\) has no tables. Run `onhand migrate`"):
        async with open_database(servers.embedded.postgres_url("postgres"), "TOY_DATABASE_URL", "toy"):
            pass


async def test_a_database_that_is_not_there_is_told_without_its_password() -> None:
    url = "postgresql://me:secret@127.0.0.1:1/orders"
    with pytest.raises(StartupError, match=r"at 127\.0\.0\.1:1/orders: .*mend TOY_DATABASE_URL") as raised:
        async with open_database(url, "TOY_DATABASE_URL", "toy"):
            pass
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_who_takes_connections_and_says_nothing_is_told_as_a_database_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "_ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://127.0.0.1:{silent.getsockname()[1]}/orders"
        with pytest.raises(StartupError, match=r"/orders: the database does not answer\. Start it"):
            async with open_database(url, "TOY_DATABASE_URL", "toy"):
                pass


async def test_a_database_that_is_not_named_is_asked_for() -> None:
    with pytest.raises(StartupError, match="TOY_DATABASE_URL is not set"):
        async with open_database("", "TOY_DATABASE_URL", "toy"):
            pass
