"""Streams and channels: what the runtime asks of Redis, in its own words.

Everything above speaks of topics, partitions, groups, entries and channels.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from zlib import crc32

from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from onhand.common.contracts import CONTRACTS
from onhand.common.errors import StartupError, Unavailable
from onhand.common.messaging.connections import ANSWER_SECONDS, Command, Connection, Connections, call, unavailable
from onhand.common.messaging.entries import append_command, publish_commands, stream_key
from onhand.common.messaging.envelope import Outgoing

_SILENCE_SECONDS = 3.0
"""A subscription that hears nothing for so long asks whether the connection is still there."""
_SAMPLE_ENTRIES = 10
# A script, so that the payloads stay where they are.
_SAMPLE = """
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', ARGV[1])
local messages = 0
for _, entry in ipairs(newest) do
  for i = 1, #entry[2], 2 do
    messages = messages + math.max(1, tonumber(entry[2][i]:match('^%d%d?%d?%d?$')) or 1)
  end
end
return {#newest, messages}
"""
_EVERY_STREAM = "*.{*}"
"""What the keys of all streams look like, to Redis."""

TOPICS: frozenset[str] = frozenset(contract.TOPIC for contract in CONTRACTS if hasattr(contract, "TOPIC"))
"""The topics of all contracts."""
OUR_SERVICES = frozenset(topic.partition(".")[0] for topic in TOPICS)
"""Those that are meant to run always: the others cannot do their work without them."""
_ABANDONED_AFTER_MS = 300_000
"""A group for which nobody has read for so long is taken for that of a service that is not run any more. Longer than
what a service may have in hand: Redis 7.0 does not see a member that waits in vain."""


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
        except RedisError as error:
            raise StartupError(f"what answers does not speak as Redis does: {error}. Mend REDIS_URL") from error
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

    async def create_group(self, group: str, topic: str, partition: int = 0) -> None:
        """Create the group on a topic, from the first entry on, if it is not there yet."""
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
        """About how many messages the group that is furthest behind has yet to be given; all, if there is no group.

        Redis counts entries. Each is taken to hold as many messages as the newest of them do on average. A group that
        is abandoned does not count: it would hold up for ever what nobody waits for.
        """
        key = stream_key(topic, partition)
        async with self.connection(partition) as connection:
            groups = await groups_of(connection, key)
            lags = [group[b"lag"] for group in groups if await _is_read(connection, key, group[b"name"])]
            if groups and None not in lags:
                entries = max(lags, default=0)
            else:  # no group, or one of which Redis cannot tell
                (entries,) = await call(connection, ("XLEN", key))
            return await _messages_in_newest(connection, key, entries)

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

    async def delete_group(self, group: str) -> list[str]:
        """Delete a group, with what it has not finished, on every stream; returns the keys of those that had it."""
        deleted = []
        for key in await self.stream_keys():
            async with self._connections.connection(key) as connection:
                if (await call(connection, ("XGROUP", "DESTROY", key, group)))[0]:
                    deleted.append(key)
        return deleted

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


async def groups_of(connection: Connection, key: str) -> list[dict[bytes, Any]]:
    """What Redis tells of the groups of a stream; none if the stream is not there."""
    (exists,) = await call(connection, ("EXISTS", key))
    if not exists:
        return []
    (groups,) = await call(connection, ("XINFO", "GROUPS", key))
    return [fields_of(group) for group in groups]


def is_read_for(group: str, key: str, members: Sequence[Any]) -> bool:
    """Whether somebody reads a stream for a group, or is meant to and will be back.

    Args:
        group: its name, which is that of its service.
        key: of the stream; the service that owns it is there as long as it is of any use.
        members: what Redis tells of its members.
    """
    idle_ms = [fields_of(member)[b"idle"] for member in members]
    is_meant_to = group in OUR_SERVICES or key.startswith(f"{group}.")
    return is_meant_to or min(idle_ms, default=_ABANDONED_AFTER_MS) < _ABANDONED_AFTER_MS


async def _is_read(connection: Connection, key: str, group: bytes) -> bool:
    (members,) = await call(connection, ("XINFO", "CONSUMERS", key, group))
    return is_read_for(group.decode(), key, members)


async def _messages_in_newest(connection: Connection, key: str, entries: int) -> int:
    """About how many messages the newest entries hold, by a sample of them."""
    if not entries:
        return 0
    ((sampled, messages),) = await call(connection, ("EVAL_RO", _SAMPLE, 1, key, min(entries, _SAMPLE_ENTRIES)))
    return int(entries * messages / sampled) if sampled else 0


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
