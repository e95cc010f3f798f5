"""How long to wait before the next try."""

import asyncio
import random
from contextlib import suppress


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

    def next_seconds(self) -> float:
        """Draw the next wait."""
        bound = min(self._cap, self._first * 2**self._attempt)
        self._attempt = min(self._attempt + 1, 16)
        return random.uniform(0, bound)  # noqa: S311  # spreads load, protects nothing

    async def wait(self, stopping: asyncio.Event) -> None:
        """Wait before the next attempt, or until `stopping` is set."""
        await stopped_within(self.next_seconds(), stopping)


async def stopped_within(seconds: float, stopping: asyncio.Event) -> bool:
    """Wait until `stopping` is set, at most for some seconds; returns whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
    return stopping.is_set()
