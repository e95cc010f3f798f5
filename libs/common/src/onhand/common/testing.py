"""What the tests of every service need."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from onhand.common.contracts import Message
from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Received, wrap

MessageT = TypeVar("MessageT", bound=Message)
T = TypeVar("T")


def received(message: MessageT, *, replyto: str = "replies.test") -> Received[MessageT]:
    """A message as a handler gets it, in a new envelope."""
    return Received(message, wrap(message, source="/test", replyto=replyto))


async def eventually(condition: Callable[[], Awaitable[T]], *, seconds: float = 10.0) -> T:
    """Ask again and again until the answer is true, and return it.

    Raises:
        AssertionError: it did not become true in time.
    """
    deadline = time.monotonic() + seconds
    while not (answer := await condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"  # noqa: S101
        await asyncio.sleep(0.01)
    return answer


class BlockingDatabase:
    """A database for a test that is no coroutine, such as one that hypothesis drives step by step.

    Args:
        database: made on the loop.
        loop: does not run, but while this waits for it.
    """

    def __init__(self, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        self._database = database
        self._loop = loop

    def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Do work in a transaction of its own, and wait until it is committed."""
        return self._loop.run_until_complete(self._run(work))

    async def _run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        async with self._database.transaction() as tx:
            return await work(tx)
