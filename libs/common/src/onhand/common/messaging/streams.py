"""Streams and channels: what the runtime asks of Redis, in its own words.

Everything above speaks of topics, partitions, groups, entries and channels.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from zlib import crc32

from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from onhand.common.errors import StartupError, Unavailable
from onhand.common.messaging.connections import ANSWER_SECONDS, Command, Connection, Connections, call, unavailable
from onhand.common.messaging.envelope import Outgoing

# One command for many entries: an XADD costs its client ten times what it costs the server. The text goes along each
# time, because the server knows it by its hash anyway, and so there is no NOSCRIPT to handle after a restart.
# It looks first, because what a script did before it failed is done: nobody could say any more that nothing was.
_APPEND = """
for _, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'stream' and kind ~= 'none' then return redis.error_reply('WRONGTYPE ' .. key .. ' is no stream') end
end
for i = 1, #ARGV, 2 do redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', 'event', ARGV[i + 1]) end
"""

_SILENCE_SECONDS = 3.0
"""A subscription that hears nothing for so long asks whether the connection is still there."""


class Entry(NamedTuple):
    """One entry of a stream.

    Attributes:
        payload: what was appended; None if it was trimmed away while it was pending.
    """

    topic: str
    entry_id: bytes
    payload: bytes | None


class Delivery(NamedTuple):
    """What follows from a committed transaction.

    Attributes:
        messages: to be appended.
        replies: for each channel that waits, what to send there.
        done: entries to acknowledge.
    """

    messages: Sequence[Outgoing] = ()
    replies: Mapping[str, bytes] = {}
    done: Sequence[Entry] = ()


def stream_key(topic: str, partition: int = 0) -> str:
    """Key of one partition of a topic. The braces put all streams of a partition into one Redis Cluster hash slot."""
    return f"{topic}.{{{partition}}}"


_EVERY_STREAM = "*.{*}"
"""What the keys of all streams look like, to Redis."""


@asynccontextmanager
async def open_streams(url: str, partitions: int = 1) -> AsyncGenerator["Streams"]:
    """Connect to Redis for the length of the block.

    Raises:
        StartupError: the URL is empty or Redis cannot be reached.
    """
    if not url:
        raise StartupError("REDIS_URL is not set: set it, or start everything with `onhand start`")
    try:
        streams = Streams(url, partitions)
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
    """Appends to and trims Redis streams, sends and listens on Redis channels, and makes readers.

    Unless it says otherwise, every method raises `Unavailable` when Redis is away or refuses writes.

    Attributes:
        partitions: how many streams each topic has.
    """

    def __init__(self, url: str, partitions: int = 1) -> None:
        self.partitions = partitions
        self._connections = Connections(url)

    async def close(self) -> None:
        """Close all connections."""
        await self._connections.close()

    async def ping(self) -> None:
        """Ask Redis for a sign of life."""
        await self._call(0, ("PING",))

    def partition_of(self, key: str) -> int:
        """Where messages about something go."""
        return crc32(key.encode()) % self.partitions if self.partitions > 1 else 0

    async def tell(self, messages: Sequence[Outgoing], replies: Mapping[str, bytes] | None = None) -> None:
        """Append messages to their partitions, and send a payload to each reply channel."""
        for partition, batch in self.by_partition(messages).items():
            await self._call(partition, append_command(partition, batch))
        if replies:
            await self._call(0, *publish_commands(replies))

    def by_partition(self, messages: Sequence[Outgoing]) -> dict[int, list[Outgoing]]:
        """Sort messages by where they go, in order."""
        partitions: dict[int, list[Outgoing]] = {}
        for message in messages:
            partitions.setdefault(self.partition_of(message.key), []).append(message)
        return partitions

    @asynccontextmanager
    async def connection(self, partition: int) -> AsyncGenerator[Connection]:
        """A connection to the server that holds a partition, for the length of the block."""
        async with self._connections.connection(stream_key("", partition)) as connection:
            yield connection

    async def create_groups(self, group: str, topics: Sequence[str], partition: int = 0) -> None:
        """Create the group on each topic, from the first entry on, where it is not there yet."""
        for topic in topics:
            try:
                await self._call(partition, ("XGROUP", "CREATE", stream_key(topic, partition), group, "0", "MKSTREAM"))
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def trim(self, topic: str, partition: int = 0, unread: int | None = None) -> int:
        """Delete the entries that every group has been given and has acknowledged; returns how many.

        Whole blocks of entries only, so that some stay.

        Args:
            topic: which topic.
            partition: which partition of it.
            unread: how many entries to keep while no group reads the topic; all, if not given.
        """
        key = stream_key(topic, partition)
        async with self.connection(partition) as connection:
            if groups := await groups_of(connection, key):
                needed = [await _lowest_needed(connection, key, group) for group in groups]
                return await _trim(connection, key, "MINID", min(needed, key=as_numbers))
            return 0 if unread is None else await _trim(connection, key, "MAXLEN", unread)

    async def backlog(self, topic: str, partition: int = 0) -> int:
        """How many entries the group that is furthest behind has yet to be given; all, if no group reads the topic."""
        key = stream_key(topic, partition)
        async with self.connection(partition) as connection:
            groups = await groups_of(connection, key)
            lags = [group[b"lag"] for group in groups]
            if groups and None not in lags:
                return int(max(lags))
            (length,) = await call(connection, ("XLEN", key))  # no group, or one of which Redis cannot tell
            return int(length)

    async def stream_keys(self) -> list[str]:
        """Keys of all streams of all topics."""
        keys: set[bytes] = set()  # a key may come twice, and a server may hold several partitions
        for partition in range(self.partitions):
            cursor = b""
            while cursor != b"0":
                scan = ("SCAN", cursor or b"0", "MATCH", _EVERY_STREAM, "COUNT", 1000, "TYPE", "stream")
                ((cursor, found),) = await self._call(partition, scan)
                keys.update(found)
        return sorted(key.decode() for key in keys)

    async def look(self, key: str, *commands: Command) -> list[Any]:
        """Ask about one stream by commands that change nothing; the replies are as they came."""
        async with self._connections.connection(key) as connection:
            return await call(connection, *commands)

    async def publish(self, channel: str, payload: bytes) -> None:
        """Send a payload to whoever listens on the channel right now."""
        await self._call(0, ("PUBLISH", channel, payload))

    async def listen(self, channels: Sequence[str]) -> AsyncGenerator[tuple[str, bytes]]:
        """Yield (channel, payload) as they come; first, once it listens, an empty payload for each channel."""
        pubsub = PubSub(await self._connections.pool(stream_key("")))
        try:
            with unavailable():
                async with asyncio.timeout(ANSWER_SECONDS):
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

    async def _call(self, partition: int, *commands: Command) -> list[Any]:
        async with self.connection(partition) as connection:
            return await call(connection, *commands)


def fields_of(reply: Sequence[Any]) -> dict[bytes, Any]:
    """Names and values, which Redis sends in turn."""
    return dict(zip(reply[::2], reply[1::2], strict=True))


def as_numbers(entry_id: bytes) -> tuple[int, int]:
    """An entry's id as what it is ordered by."""
    milliseconds, _, sequence = entry_id.partition(b"-")
    return int(milliseconds), int(sequence)


def append_command(partition: int, messages: Sequence[Outgoing]) -> Command:
    """One command that appends messages to a partition, all or none."""
    topics = dict.fromkeys(topic for topic, _, _ in messages)
    numbers = {topic: number for number, topic in enumerate(topics, start=1)}
    command: list[str | bytes | int] = [
        "EVAL",
        _APPEND,
        len(numbers),
        *(stream_key(topic, partition) for topic in topics),
    ]
    for topic, _, payload in messages:
        command += (numbers[topic], payload)
    return tuple(command)


def publish_commands(replies: Mapping[str, bytes]) -> list[Command]:
    """Commands that send a payload to each channel."""
    return [("PUBLISH", channel, payload) for channel, payload in replies.items()]


async def groups_of(connection: Connection, key: str) -> list[dict[bytes, Any]]:
    """What Redis tells of the groups of a stream; none if the stream is not there."""
    (exists,) = await call(connection, ("EXISTS", key))
    if not exists:
        return []
    (groups,) = await call(connection, ("XINFO", "GROUPS", key))
    return [fields_of(group) for group in groups]


async def _trim(connection: Connection, key: str, strategy: str, threshold: bytes | int) -> int:
    count = 0
    # One call deletes a bounded number, so that it does not hold up the others.
    while deleted := (await call(connection, ("XTRIM", key, strategy, "~", threshold)))[0]:
        count += deleted
    return count


async def _lowest_needed(connection: Connection, key: str, group: Mapping[bytes, Any]) -> bytes:
    """The lowest entry that a group has not finished with."""
    ((_, lowest_pending, *_),) = await call(connection, ("XPENDING", key, group[b"name"]))
    needed: bytes = lowest_pending or group[b"last-delivered-id"]
    return needed
