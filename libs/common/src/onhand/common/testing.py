"""What the tests of every service need."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from onhand.common.contracts import Message
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
