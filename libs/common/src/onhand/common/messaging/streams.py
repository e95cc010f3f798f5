"""The only file that knows Redis commands.

Everything above speaks of topics, groups, entries and channels. Only commands of Redis 7.0 are used, so that
Redis >= 7.0 and Valkey serve alike.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple, TypeAlias

from hiredis import pack_command
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from onhand.common.errors import NoReply, StartupError, Unavailable

# One command for many entries: an XADD costs its client ten times what it costs the server. The text goes along each
# time, because the server knows it by its hash anyway, and so there is no NOSCRIPT to handle after a restart.
_APPEND = "for i = 1, #ARGV, 2 do redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', 'event', ARGV[i + 1]) end"

# Valkey and newer Redis say NOGROUP to a read that is waiting while its stream is deleted; Redis 7.0 says UNBLOCKED.
_GROUP_IS_GONE = ("NOGROUP", "UNBLOCKED")
_SILENCE_SECONDS = 3.0
"""A subscription that hears nothing for so long asks whether the connection is still there."""


Command: TypeAlias = tuple[str | bytes | int, ...]


class Entry(NamedTuple):
    """One entry of a stream.

    Attributes:
        payload: what was appended; None if it was trimmed away while it was pending.
    """

    topic: str
    entry_id: bytes
    payload: bytes | None


class NoGroup(Unavailable):
    """The consumer group is not there: Redis is new, was flushed, or failed over."""


def stream_key(topic: str) -> str:
    """Key of a topic's stream. The braces put the streams of one partition into one Redis Cluster hash slot."""
    return f"{topic}.{{0}}"


_EVERY_STREAM = "*.{*}"
"""What the keys of all streams look like, to Redis."""


@asynccontextmanager
async def open_streams(url: str) -> AsyncGenerator["Streams"]:
    """Connect to Redis for the length of the block.

    Raises:
        StartupError: the URL is empty or Redis cannot be reached.
    """
    if not url:
        raise StartupError("REDIS_URL is not set: set it, or start everything with `onhand start`")
    try:
        streams = Streams(url)
    except ValueError:  # its text may repeat what is a password
        raise StartupError("REDIS_URL is no URL of a Redis: it should be like redis://host:6379/0. Mend it") from None
    try:
        try:
            await streams.ping()
        except Unavailable as error:
            raise StartupError(f"{error}. Start it, or mend REDIS_URL") from error
        yield streams
    finally:
        await streams.close()


class Streams:
    """Appends to, reads from and acknowledges on Redis streams, and sends and listens on Redis channels.

    Unless it says otherwise, every method raises `Unavailable` when Redis is away or refuses writes.
    """

    def __init__(self, url: str) -> None:
        # No retries inside the client: they would hide whether a command was sent. Callers know what may be repeated.
        self._pool = ConnectionPool.from_url(url, retry=Retry(NoBackoff(), 0), protocol=2)
        self._redis = Redis(connection_pool=self._pool)

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()
        await self._pool.disconnect()

    async def ping(self) -> None:
        """Ask Redis for a sign of life."""
        with _unavailable():
            await self._redis.ping()

    async def append(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Append (topic, payload) pairs in one command: all, or none (unless a stream's key holds something else).

        Raises:
            Unavailable: Redis is away or refuses.
            NoReply: the connection broke after sending; the messages may be there or not.
        """
        with _unavailable():
            connection = await self._pool.get_connection()
        try:
            with _unavailable():
                await _call(connection, _append_command(messages))
        except Unavailable as error:
            if isinstance(error.__cause__, ResponseError | BusyLoadingError):
                raise
            raise NoReply(f"Redis went away before it answered: {error.__cause__}") from error
        finally:
            await self._pool.release(connection)

    async def deliver(
        self,
        group: str,
        messages: Sequence[tuple[str, bytes]],
        replies: Mapping[str, bytes],
        done: Sequence[Entry],
    ) -> None:
        """Append messages, send a payload to each reply channel and acknowledge entries, in one round trip."""
        acknowledged: dict[str, list[bytes]] = {}
        for entry in done:
            acknowledged.setdefault(entry.topic, []).append(entry.entry_id)
        commands = [_append_command(messages)] if messages else []
        commands += [("PUBLISH", channel, payload) for channel, payload in replies.items()]
        commands += [("XACK", stream_key(topic), group, *ids) for topic, ids in acknowledged.items()]
        if commands:
            await self._send(*commands)

    async def create_groups(self, group: str, topics: Sequence[str]) -> None:
        """Create the group on each topic, from the first entry on, where it is not there yet."""
        for topic in topics:
            try:
                with _unavailable():
                    await self._redis.xgroup_create(stream_key(topic), group, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def read(self, group: str, consumer: str, topics: Sequence[str], *, count: int, block_ms: int) -> list[Entry]:
        """Read up to `count` entries per topic that the group has not seen, and wait for the first if there is none.

        Args:
            group: the consumer group.
            consumer: name of the reader; the entries are its own until it acknowledges them.
            topics: where to read.
            count: most entries per topic.
            block_ms: how long to wait; less than the client's socket timeout of 5 s.

        Raises:
            NoGroup: the group has to be created (again).
        """
        return await self._read(group, consumer, topics, ">", "COUNT", count, "BLOCK", block_ms)

    async def read_own_pending(self, group: str, consumer: str, topics: Sequence[str], *, count: int) -> list[Entry]:
        """Read again up to `count` entries per topic that this consumer was given and has not acknowledged.

        Raises:
            NoGroup: the group has to be created (again).
        """
        return await self._read(group, consumer, topics, "0", "COUNT", count)

    async def _read(
        self, group: str, consumer: str, topics: Sequence[str], start: str, *options: str | int
    ) -> list[Entry]:
        keys = {stream_key(topic).encode(): topic for topic in topics}
        (reply,) = await self._send(
            ("XREADGROUP", "GROUP", group, consumer, *options, "STREAMS", *keys, *[start] * len(keys))
        )
        return [
            Entry(keys[key], entry_id, fields[1] if fields else None)
            for key, entries in reply or ()
            for entry_id, fields in entries
        ]

    async def trim(self, topic: str) -> int:
        """Delete the entries that every group has been given and has acknowledged; returns how many.

        Whole blocks of entries only, so that some stay. Nothing is deleted while no group reads the topic.
        """
        key = stream_key(topic)
        with _unavailable():
            if not (groups := await self._redis.xinfo_groups(key) if await self._redis.exists(key) else []):
                return 0
            needed = []
            for group in groups:
                pending = await self._redis.xpending(key, group["name"])
                needed.append(pending["min"] or group["last-delivered-id"])
            count = 0
            # One call deletes a bounded number, so that it does not hold up the others.
            while deleted := await self._redis.xtrim(key, minid=min(needed, key=as_numbers), approximate=True):
                count += deleted
            return count

    async def _send(self, *commands: Command) -> list[Any]:
        """Send commands together on a connection of their own, and return the replies as they came."""
        with _unavailable():
            connection = await self._pool.get_connection()
            try:
                return await _call(connection, *commands)
            finally:
                await self._pool.release(connection)

    async def stream_keys(self) -> list[str]:
        """Keys of all streams of all topics."""
        keys: set[bytes] = set()  # a key may come twice
        cursor = None
        while cursor != b"0":
            scan = ("SCAN", cursor or b"0", "MATCH", _EVERY_STREAM, "COUNT", 1000, "TYPE", "stream")
            ((cursor, found),) = await self._send(scan)
            keys.update(found)
        return sorted(key.decode() for key in keys)

    async def look(self, *commands: Command) -> list[Any]:
        """Ask about one stream by commands that change nothing; the replies are as they came."""
        return await self._send(*commands)

    async def publish(self, channel: str, payload: bytes) -> None:
        """Send a payload to whoever listens on the channel right now."""
        with _unavailable():
            await self._redis.publish(channel, payload)

    async def listen(self, channels: Sequence[str]) -> AsyncGenerator[tuple[str, bytes]]:
        """Yield (channel, payload) as they come; first, once it listens, an empty payload for each channel."""
        pubsub = self._redis.pubsub()
        try:
            with _unavailable():
                await pubsub.subscribe(*channels)
                is_silent = False
                while True:
                    message = await pubsub.get_message(timeout=_SILENCE_SECONDS)
                    if message is None and is_silent:
                        raise RedisConnectionError("the subscription does not answer")
                    if message is None:
                        await pubsub.ping()
                    elif message["type"] == "message":
                        yield message["channel"].decode(), message["data"]
                    elif message["type"] == "subscribe":
                        yield message["channel"].decode(), b""
                    is_silent = message is None
        finally:
            await pubsub.aclose()


def as_numbers(entry_id: bytes) -> tuple[int, int]:
    """An entry's id as what it is ordered by."""
    milliseconds, _, sequence = entry_id.partition(b"-")
    return int(milliseconds), int(sequence)


async def _call(connection: AbstractConnection, *commands: Command) -> list[Any]:
    """What redis-py's own calls do, less what they add for each: packed in C, sent at once, replies not converted.

    Raises:
        ResponseError: of the first command that failed; the others are carried out all the same.
    """
    packed = [pack_command(command) for command in commands]  # type: ignore[arg-type]  # its stub says: of one word
    await connection.send_packed_command(packed, check_health=False)
    replies = []
    failures = []
    for _ in commands:
        try:
            replies.append(await connection.read_response())
        except ResponseError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return replies


def _append_command(messages: Sequence[tuple[str, bytes]]) -> Command:
    numbers = {topic: number for number, topic in enumerate(dict.fromkeys(topic for topic, _ in messages), start=1)}
    command: list[str | bytes | int] = ["EVAL", _APPEND, len(numbers), *map(stream_key, numbers)]
    for topic, payload in messages:
        command += (numbers[topic], payload)
    return tuple(command)


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise Unavailable(f"Redis is away: {str(error).rstrip('.')}") from error
    except ResponseError as error:
        if str(error).startswith(_GROUP_IS_GONE):
            raise NoGroup(str(error)) from error
        if str(error).startswith("BUSYGROUP"):
            raise
        # Out of memory, disk full, a replica, busy, forbidden: it is never the fault of what was sent.
        raise Unavailable(f"Redis refuses: {str(error).partition(' script:')[0].rstrip('.')}") from error
