"""A reader: one member of a consumer group on one partition of a topic, with a connection of its own."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from onhand.common.failpoints import hit, is_armed
from onhand.common.messaging.connections import Command, Connection, call
from onhand.common.messaging.entries import (
    Delivery,
    Entry,
    append_commands,
    messages_in,
    publish_commands,
    stream_key,
)
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.streams import Streams

_BEGINNING = b"0-0"
_BLOCK_MS = 250

# In one script, because between a look and the removal a member may have been given entries: they would be lost.
_REMOVE_MEMBERS = """
local removed = 0
for _, reply in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local member = {}
  for i = 1, #reply, 2 do member[reply[i]] = reply[i + 1] end
  if member.pending == 0 and member.idle >= tonumber(ARGV[3]) and member.name ~= ARGV[2] then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], member.name)
    removed = removed + 1
  end
end
return removed
"""


class Reader:
    """Reads entries and tells what came of them. Made by `open_reader`.

    An entry comes out as all of its messages, and is acknowledged when all of them are done.

    Every method raises `Unavailable` when Redis is away, or `NoGroup` when the group has to be created (again). After
    that the reader is of no more use: entries may have been given to it that it does not know of.

    Attributes:
        is_behind: whether the last read gave as much as was asked for, so that there may be more.
    """

    def __init__(
        self,
        streams: Streams,
        connection: Connection,
        group: str,
        consumer: str,
        topic: str,
        partition: int,
        count: int,
    ) -> None:
        self._streams = streams
        self._connection = connection
        self._group = group
        self._consumer = consumer
        self._count = count
        self._topic = topic
        self._partition = partition
        self._key = stream_key(topic, partition)
        self._cursor = _BEGINNING
        self.is_behind = False
        self._missing: dict[bytes, int] = {}  # messages of entries that are done in part
        self._read: Command = ("XREADGROUP", "GROUP", group, consumer, "COUNT", count)

    async def exchange(self, delivery: Delivery) -> list[Entry]:
        """Deliver, and read what the group has not seen, in one round trip; wait a moment if there is nothing."""
        read: Command = (*self._read, "BLOCK", _BLOCK_MS, "STREAMS", self._key, ">")
        *_, reply = await call(self._connection, *await self._commands(delivery), read)
        if delivery.done:
            hit("after_acknowledge")
        return self._entries_in(reply)

    async def deliver(self, delivery: Delivery) -> None:
        """Append messages, send a payload to each reply channel and acknowledge what is done, in one round trip."""
        if commands := await self._commands(delivery):
            await call(self._connection, *commands)
            if delivery.done:
                hit("after_acknowledge")

    async def read_own_pending(self) -> list[Entry]:
        """Read again what this member was given and has not acknowledged."""
        (reply,) = await call(self._connection, (*self._read, "STREAMS", self._key, "0"))
        return self._entries_in(reply)

    async def claim(self, min_idle_ms: int) -> list[Entry]:
        """Take over entries that some member was given and has neither acknowledged nor been given anew for so long.

        One step through the pending entries; the next call goes on from there.
        """
        where = (self._key, self._group, self._consumer)
        claim = ("XAUTOCLAIM", *where, min_idle_ms, self._cursor, "COUNT", self._count)
        ((self._cursor, entries, *_),) = await call(self._connection, claim)
        return self._entries(entries)

    @property
    def has_claimed_all(self) -> bool:
        """Whether the last claim came to the end of the pending entries."""
        return self._cursor == _BEGINNING

    async def remove_members(self, min_idle_ms: int) -> int:
        """Remove members that have nothing pending and were not heard of for so long; returns how many."""
        remove = ("EVAL", _REMOVE_MEMBERS, 1, self._key, self._group, self._consumer, min_idle_ms)
        (removed,) = await call(self._connection, remove)
        return int(removed)

    async def _commands(self, delivery: Delivery) -> list[Command]:
        messages, replies, done = delivery
        elsewhere: Sequence[Outgoing] = ()
        if self._streams.partitions > 1:
            messages, elsewhere = self._split(messages)
        if elsewhere:  # first, because with the acknowledgement it would be too late
            await self._streams.tell(elsewhere)
        # Apart, because nobody asks whether nothing was done: what is not told is in the outbox, and told again.
        commands = append_commands(self._partition, messages) + publish_commands(replies)
        if commands and is_armed("after_publish"):  # all go at once: there is no after, unless they go apart
            await call(self._connection, *commands)
            hit("after_publish")
        return commands + self._acknowledge(done)

    def _split(self, messages: Sequence[Outgoing]) -> tuple[list[Outgoing], list[Outgoing]]:
        """Messages for the reader's own partition, and for others."""
        partitions = self._streams.by_partition(messages)
        here = partitions.pop(self._partition, [])
        return here, [message for batch in partitions.values() for message in batch]

    def _acknowledge(self, done: Sequence[Entry]) -> list[Command]:
        ids = []
        for entry in done:
            missing = self._missing.pop(entry.entry_id, entry.shared_by) - 1
            if missing:
                self._missing[entry.entry_id] = missing
            else:
                ids.append(entry.entry_id)
        return [("XACK", self._key, self._group, *ids)] if ids else []

    def _entries_in(self, reply: Any) -> list[Entry]:  # noqa: ANN401  # as Redis says it
        read = [entry for _, entries in reply or () for entry in entries]
        self.is_behind = len(read) >= self._count
        return self._entries(read)

    def _entries(self, entries: Iterable[tuple[bytes, Sequence[bytes] | None]]) -> list[Entry]:
        return [entry for entry_id, fields in entries for entry in messages_in(self._topic, entry_id, fields)]


@asynccontextmanager
async def open_reader(
    streams: Streams, group: str, consumer: str, topic: str, *, partition: int = 0, count: int
) -> AsyncGenerator[Reader]:
    """Join a group for the length of the block; it is created where it is not there yet.

    Args:
        streams: where to read.
        group: the consumer group.
        consumer: name of the member; entries are its own until it acknowledges them, also after a restart.
        topic: what to read.
        partition: which partition of it.
        count: most entries per read.

    Raises:
        Unavailable: Redis is away.
    """
    await streams.create_group(group, topic, partition)
    async with streams.connection(partition) as connection:
        yield Reader(streams, connection, group, consumer, topic, partition, count)
