"""A writer: appends to one partition, again and again, on a connection of its own."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from onhand.common.errors import NoReply, Unavailable
from onhand.common.failpoints import hit
from onhand.common.messaging.connections import Connection, Refused, call
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.streams import Streams, append_command


class Writer:
    """Appends messages, and knows whether they may have been appended when it fails. One append at a time."""

    def __init__(self, streams: Streams, partition: int) -> None:
        self._streams = streams
        self._partition = partition
        self._held = AsyncExitStack()
        self._connection: Connection | None = None

    async def append(self, messages: Sequence[Outgoing]) -> None:
        """Append messages in one command: all, or none.

        Raises:
            Unavailable: Redis is away or refuses.
            NoReply: the connection broke after sending; the messages may be there or not.
        """
        connection = self._connection
        if connection is None:
            connection = await self._held.enter_async_context(self._streams.connection(self._partition))
            self._connection = connection
        hit("before_append")
        try:
            await call(connection, append_command(self._partition, messages))
            hit("after_append")
        except Refused:
            raise
        except Unavailable as error:
            await self.close()
            raise NoReply(f"Redis went away before it answered: {error.__cause__}") from error

    async def close(self) -> None:
        """Give the connection back; the next append takes another."""
        self._connection = None
        await self._held.aclose()
