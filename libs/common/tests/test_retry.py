import asyncio

import asyncpg
import pytest

from onhand.common.errors import NoReply, Unavailable
from onhand.common.periodic import repeat
from onhand.common.retry import Backoff, is_transient, stopped_within


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


async def test_waiting_ends_when_the_process_is_told_to_stop() -> None:
    stopping = asyncio.Event()
    waiting = asyncio.create_task(stopped_within(3600, stopping))
    stopping.set()
    assert await waiting


async def test_backoff_never_waits_longer_than_its_cap() -> None:
    backoff = Backoff(first_seconds=0.001, cap_seconds=0.002)
    async with asyncio.timeout(5):
        for _ in range(50):
            await backoff.wait(asyncio.Event())


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
