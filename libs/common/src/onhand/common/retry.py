"""What to try again, and when."""

import asyncio
import random
from contextlib import suppress

from onhand.common.database import is_database_away
from onhand.common.errors import Unavailable


def is_transient(error: Exception) -> bool:
    """Whether Redis or the database is away or busy, so that trying again later is all that is needed."""
    return isinstance(error, Unavailable) or is_database_away(error)


class Backoff:
    """Capped exponential backoff with full jitter.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Args:
        first_seconds: upper bound of the first wait.
        cap_seconds: upper bound of any wait.
    """

    def __init__(self, first_seconds: float = 0.1, cap_seconds: float = 2.0) -> None:
        self._first = first_seconds
        self._cap = cap_seconds
        self._attempt = 0

    def reset(self) -> None:
        """Begin with short waits again."""
        self._attempt = 0

    async def wait(self, stopping: asyncio.Event) -> None:
        """Wait before the next attempt, or until `stopping` is set."""
        bound = min(self._cap, self._first * 2**self._attempt)
        self._attempt = min(self._attempt + 1, 16)
        await stopped_within(random.uniform(0, bound), stopping)  # noqa: S311  # spreads load, protects nothing


async def stopped_within(seconds: float, stopping: asyncio.Event) -> bool:
    """Wait until `stopping` is set, at most for some seconds; returns whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
    return stopping.is_set()
