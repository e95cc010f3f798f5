import pytest

from conftest import Servers
from onhand.common.database import Database, open_database
from onhand.common.errors import StartupError


async def test_what_raises_is_rolled_back(orders_database: Database) -> None:
    async def fail() -> None:
        async with orders_database.transaction() as tx:
            await tx.execute("INSERT INTO inbox (message_id) VALUES ('a')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with orders_database.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM inbox") == 0


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


async def test_a_database_that_is_not_named_is_asked_for() -> None:
    with pytest.raises(StartupError, match="TOY_DATABASE_URL is not set"):
        async with open_database("", "TOY_DATABASE_URL", "toy"):
            pass
