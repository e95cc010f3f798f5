"""What waits in Redis: how much each consumer group has still to read and to finish, on each stream."""

from typing import NamedTuple, TypeAlias

from onhand.common.messaging.streams import Streams, as_numbers, fields_of, is_read_for

EntryId: TypeAlias = tuple[int, int]


class Backlog(NamedTuple):
    """What one group has still to do on one stream.

    Attributes:
        stream: key of the stream.
        group: name of the group.
        length: entries of the stream, finished ones among them.
        newest: the last entry of the stream; (0, 0) if it is empty.
        lag: entries that were given to no member yet; None if Redis cannot tell, because entries were deleted.
        delivered: the last entry that was given to a member.
        pending: entries that were given to a member and not acknowledged.
        lowest_pending: the first of these, or None.
        lowest_pending_ms: how long ago it was last given to a member, or None.
        is_read: whether somebody reads for the group, or is meant to.
    """

    stream: str
    group: str
    length: int
    newest: EntryId
    lag: int | None
    delivered: EntryId
    pending: int
    lowest_pending: EntryId | None
    lowest_pending_ms: int | None
    is_read: bool

    @property
    def is_abandoned(self) -> bool:
        """Whether the group has something to do, and nobody is there to do it."""
        return not self.is_read and self.has_to_do(self.newest)

    def has_to_do(self, upto: EntryId) -> bool:
        """Whether an entry up to this one is not read or not acknowledged.

        What is no longer on the stream need not be read. No clock is asked: that an entry was given to a member again
        and again does not make it younger.
        """
        is_unread = self.delivered < min(upto, self.newest)
        return is_unread or (self.lowest_pending is not None and self.lowest_pending <= upto)


class Inspected(NamedTuple):
    """One stream.

    Attributes:
        length: entries of the stream, finished ones among them.
        newest: the last of them; (0, 0) if there is none.
        backlogs: of every group that reads it.
    """

    key: str
    length: int
    newest: EntryId
    backlogs: list[Backlog]


async def inspect_all(streams: Streams) -> list[Inspected]:
    """Look at every stream of every topic, and every group on it.

    Raises:
        Unavailable: Redis is away, or lost a stream in this moment.
    """
    return [stream for key in await streams.stream_keys() if (stream := await inspect(streams, key))]


async def backlogs(streams: Streams) -> list[Backlog]:
    """Look at every group of every stream of every topic.

    Raises:
        Unavailable: Redis is away, or lost a stream in this moment.
    """
    return [backlog for stream in await inspect_all(streams) for backlog in stream.backlogs]


async def inspect(streams: Streams, key: str) -> Inspected | None:
    """Look at one stream and every group on it; None if it is not there.

    Raises:
        Unavailable: Redis is away, or lost the stream in this moment.
    """
    (exists,) = await streams.look(key, ("EXISTS", key))
    return await _inspect(streams, key) if exists else None


async def _inspect(streams: Streams, key: str) -> Inspected:
    info, groups = await streams.look(key, ("XINFO", "STREAM", key), ("XINFO", "GROUPS", key))
    stream = fields_of(info)
    last = stream[b"last-entry"]
    newest = as_numbers(last[0]) if last else (0, 0)
    found = []
    # After the groups: what is read in between then seems to be unread still, and is not overlooked.
    for group in map(fields_of, groups):
        name = group[b"name"].decode()
        first, members = await streams.look(
            key, ("XPENDING", key, name, "-", "+", 1), ("XINFO", "CONSUMERS", key, name)
        )
        found.append(
            Backlog(
                stream=key,
                group=name,
                length=stream[b"length"],
                newest=newest,
                lag=group[b"lag"],
                delivered=as_numbers(group[b"last-delivered-id"]),
                pending=group[b"pending"],
                lowest_pending=as_numbers(first[0][0]) if first else None,
                lowest_pending_ms=first[0][2] if first else None,
                is_read=is_read_for(name, key, members),
            )
        )
    return Inspected(key, stream[b"length"], newest, found)
