"""The janitor: keeps streams as long as somebody needs them, and no longer.

Without it a stream holds every message there ever was, in memory. Trimming by length would delete work that nobody has
seen; so it goes by the lowest entry that any consumer group still needs.
"""

from onhand.common.messaging.streams import Streams

WORK_TOPICS = ("commands", "queries", "events")
"""The topics of a service that somebody has to work off."""
_NEWS_TOPIC = "outcomes"
_NEWS_ENTRIES = 300
"""How many entries of a topic of news, of up to 32 messages each, are kept while no group reads it: enough for who was
away for a moment."""


def topics_of(service: str) -> tuple[str, ...]:
    """The topics that a service owns, that of its news last."""
    return tuple(f"{service}.{name}" for name in (*WORK_TOPICS, _NEWS_TOPIC))


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
