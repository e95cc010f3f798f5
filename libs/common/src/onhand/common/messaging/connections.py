"""How Redis is reached: connections, commands sent together, and what its errors mean.

Only commands of Redis 7.0 are used, so that Redis >= 7.0 and Valkey serve alike.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

from hiredis import pack_command
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from onhand.common.errors import Unavailable
from onhand.common.messaging.servers import servers_at

Connection: TypeAlias = AbstractConnection
Command: TypeAlias = tuple[str | bytes | int, ...]

ANSWER_SECONDS = 5.0
"""How long a server may take to answer; longer than any read may block."""

# Valkey and newer Redis say NOGROUP to a read that is waiting while its stream is deleted; Redis 7.0 says UNBLOCKED.
_GROUP_IS_GONE = ("NOGROUP", "UNBLOCKED")


class Refused(Unavailable):
    """Redis is there and did not do it: it is full, loading, a replica, or forbids it."""


class NoGroup(Refused):
    """The consumer group is not there: Redis is new, was flushed, or failed over."""


class Connections:
    """Connections to the server or servers behind a URL.

    Raises:
        ValueError: it is no URL of a Redis (see `servers_at`).
    """

    def __init__(self, url: str) -> None:
        self._servers = servers_at(url)

    async def pool(self, key: str) -> ConnectionPool:
        """The connections to the server that holds a key.

        Raises:
            Unavailable: no server of the cluster answers.
        """
        with unavailable():
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._servers.pool(key)

    @asynccontextmanager
    async def connection(self, key: str) -> AsyncGenerator[Connection]:
        """A connection to the server that holds a key, for the length of the block.

        Raises:
            Unavailable: Redis cannot be reached.
        """
        pool = await self.pool(key)
        with unavailable():
            async with asyncio.timeout(ANSWER_SECONDS):
                connection = await pool.get_connection()
        try:
            yield connection
        finally:
            await pool.release(connection)

    async def close(self) -> None:
        """Close all connections."""
        await self._servers.close()


async def call(connection: Connection, *commands: Command) -> list[Any]:
    """Send commands together and return their replies as they come: bytes, numbers, lists.

    It does what redis-py's own calls do, less what they add for each: packed in C, sent at once, nothing converted.

    Raises:
        Unavailable: Redis is away.
        Refused: Redis refused one of the commands; the others are carried out all the same.
        ResponseError: the group to be created exists.
    """
    replies = []
    failures = []
    with unavailable():
        packed = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]  # its stub says: of one word
        async with asyncio.timeout(ANSWER_SECONDS):
            await connection.send_packed_command(packed, check_health=False)
            for _ in commands:
                try:
                    replies.append(await connection.read_response())
                except ResponseError as error:
                    failures.append(error)
        if failures:
            raise failures[0]
    return replies


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn what redis-py raises while a server is away or refuses into `Unavailable`."""
    try:
        yield
    except BusyLoadingError as error:
        raise Refused("Redis is loading its data") from error
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise Unavailable(f"Redis is away: {str(error).rstrip('.') or 'it does not answer'}") from error
    except ResponseError as error:
        if str(error).startswith(_GROUP_IS_GONE):
            raise NoGroup(str(error)) from error
        if str(error).startswith("BUSYGROUP"):
            raise
        # Out of memory, disk full, a replica, busy, forbidden: it is never the fault of what was sent.
        raise Refused(f"Redis refuses: {str(error).partition(' script:')[0].rstrip('.')}") from error
