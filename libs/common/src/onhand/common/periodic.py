"""Things to do again and again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from onhand.common.retry import is_transient, stopped_within

_log = structlog.get_logger()


async def repeat(name: str, action: Callable[[], Awaitable[object]], seconds: float, stopping: asyncio.Event) -> None:
    """Do something every so many seconds until `stopping` is set; what fails transiently is tried again next time."""
    while not await stopped_within(seconds, stopping):
        try:
            await action()
        except Exception as error:
            if not is_transient(error):
                raise
            _log.warning(f"{name} waits", error=f"{type(error).__name__}: {error}")
