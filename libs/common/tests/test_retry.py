import asyncio

import asyncpg
import pytest

from onhand.common.errors import NoReply, Unavailable
from onhand.common.periodic import repeat
from onhand.common.retry import is_transient


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("Redis is away"),
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.DeadlockDetectedError(),
        asyncpg.SerializationError(),
        asyncpg.AdminShutdownError(),
        asyncpg.CannotConnectNowError(),
        asyncpg.TooManyConnectionsError(),
        asyncpg.DiskFullError(),
        asyncpg.LockNotAvailableError(),
        asyncpg.PostgresSystemError(),
        asyncpg.PostgresIOError(),
        asyncpg.ReadOnlySQLTransactionError(),
        asyncpg.InterfaceError("connection is closed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError(),
        NoReply("?"),
        asyncpg.DataError("an argument that does not fit its column"),
        asyncpg.CheckViolationError(),
        asyncpg.UniqueViolationError(),
        asyncpg.UndefinedTableError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_will_fail_every_time_is_not_waited_for(error: Exception) -> None:
    assert not is_transient(error)


async def test_what_is_repeated_goes_on_after_it_failed_transiently() -> None:
    stopping = asyncio.Event()
    calls = 0

    async def action() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Unavailable("not now")
        stopping.set()

    async with asyncio.timeout(5):
        await repeat("test", action, 0.001, stopping)
    assert calls == 2


async def test_what_is_repeated_ends_with_a_bug() -> None:
    async def action() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await repeat("test", action, 0.001, asyncio.Event())
