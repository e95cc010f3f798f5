"""The janitor: keeps streams as long as somebody needs them, and no longer.

Without it a stream holds every message there ever was, in memory. Trimming by length would delete work that nobody has
seen; so it goes by the lowest entry that any consumer group still needs. That of a service that is not run any more
needs everything for ever: the janitor cannot know that nobody will come back, so it says so again and again.
"""

from collections.abc import Mapping

import structlog

from onhand.common.messaging.entries import stream_key
from onhand.common.messaging.inspection import Inspected, inspect
from onhand.common.messaging.streams import Streams

WORK_TOPICS = ("commands", "queries", "events")
"""The topics of a service that somebody has to work off."""
READERS: Mapping[str, str] = {
    "orders.commands": "orders",
    "orders.queries": "orders",
    "orders.events": "inventory",
    "inventory.commands": "inventory",
    "inventory.queries": "inventory",
    "inventory.events": "orders",
}
"""Which of Orders and Inventory has to work off a topic, as their subscriptions say; the others need not be read."""
_NEWS_TOPIC = "outcomes"
_NEWS_ENTRIES = 300
"""How many entries of a topic of news, of up to 32 messages each, are kept while no group reads it: enough for who was
away for a moment."""

_log = structlog.get_logger()


def topics_of(service: str) -> tuple[str, ...]:
    """The topics that a service owns, that of its news last."""
    return tuple(f"{service}.{name}" for name in (*WORK_TOPICS, _NEWS_TOPIC))


def reader_of(key: str) -> str | None:
    """The group without which a stream, by its key, is not worked off, if it is of such a topic."""
    return READERS.get(key.rpartition(".")[0])


async def trim(service: str, streams: Streams) -> int:
    """Trim the topics that a service owns; returns how many entries were deleted.

    A group that is created later starts with what is left. Streams are transport: who wants history asks the owner.

    Raises:
        Unavailable: Redis is away.
    """
    deleted = 0
    *worked_on, news = topics_of(service)
    for partition in range(streams.partitions):
        for topic in worked_on:
            deleted += await streams.trim(topic, partition)
        deleted += await streams.trim(news, partition, unread=_NEWS_ENTRIES)
    return deleted


async def inspect_topics_of(service: str, streams: Streams) -> list[Inspected]:
    """Look at the streams of the topics that a service owns, and at every group on them.

    Raises:
        Unavailable: Redis is away.
    """
    keys = [stream_key(topic, part) for part in range(streams.partitions) for topic in topics_of(service)]
    return [stream for key in keys if (stream := await inspect(streams, key))]


async def warn_of_abandoned(service: str, streams: Streams) -> None:
    """Log each group that keeps a topic of a service from being trimmed, though nobody reads for it.

    Raises:
        Unavailable: Redis is away.
    """
    for stream in await inspect_topics_of(service, streams):
        for group in stream.backlogs:
            if group.is_abandoned:
                _log.warning(
                    "nobody reads for this group, and nothing is trimmed that it has not read: run its service,"
                    f" or delete the group with `onhand forget {group.group}`",
                    stream=stream.key,
                    group=group.group,
                    length=stream.length,
                )
