"""Things to do again and again."""

import asyncio
from collections.abc import Awaitable, Callable

from onhand.common.backoff import stopped_within
from onhand.common.retry import is_transient
from onhand.common.telemetry import Trouble


async def repeat(name: str, action: Callable[[], Awaitable[object]], seconds: float, stopping: asyncio.Event) -> None:
    """Do something now and every so many seconds until `stopping` is set.

    What fails transiently is tried again next time.
    """
    trouble = Trouble(f"{name} waits")
    while True:
        try:
            await action()
            trouble.is_over()
        except Exception as error:
            if not is_transient(error):
                raise
            trouble.is_there(error)
        if await stopped_within(seconds, stopping):
            return
