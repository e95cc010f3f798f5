"""A writer: appends to one partition, again and again, on a connection of its own."""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from onhand.common.errors import NoReply, Unavailable
from onhand.common.failpoints import hit
from onhand.common.messaging.connections import Connection, Refused, call
from onhand.common.messaging.entries import append_command
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.streams import Streams

_IDLE_SECONDS = 0.2
"""A connection unused for so long may be dead, which a write would not notice: the pool looks when it is taken anew."""


class Writer:
    """Appends messages, and knows whether they may have been appended when it fails. One append at a time."""

    def __init__(self, streams: Streams, partition: int) -> None:
        self._streams = streams
        self._partition = partition
        self._held = AsyncExitStack()
        self._connection: Connection | None = None
        self._used_at = 0.0

    async def append(self, messages: Sequence[Outgoing]) -> None:
        """Append messages in one command: all, or none.

        Raises:
            Unavailable: Redis is away or refuses.
            NoReply: the connection broke after sending; the messages may be there or not.
        """
        if time.monotonic() - self._used_at > _IDLE_SECONDS:
            await self.close()
        connection = self._connection
        if connection is None:
            connection = await self._held.enter_async_context(self._streams.connection(self._partition))
            self._connection = connection
        hit("before_append")
        try:
            await call(connection, append_command(self._partition, messages))
            hit("after_append")
            self._used_at = time.monotonic()
        except Refused:
            await self.close()  # it may be a server that holds the partition no more
            raise
        except Unavailable as error:
            await self.close()
            raise NoReply(f"Redis went away before it answered: {error.__cause__}") from error

    def doubt(self) -> None:
        """Have the next append take another connection, because this one may be dead.

        An append that is under way keeps it: given back now, it would be lent to somebody else, and two would read it.
        """
        self._used_at = 0.0

    async def close(self) -> None:
        """Give the connection back; the next append takes another. Only for who appends."""
        self._connection = None
        await self._held.aclose()
