"""The janitor: keeps streams as long as somebody needs them, and no longer.

Without it a stream holds every message there ever was, in memory. Trimming by length would delete work that nobody has
seen; so it goes by the lowest entry that any consumer group still needs.
"""

from onhand.common.messaging.streams import Streams

WORK_TOPICS = ("commands", "queries", "events")
"""The topics of a service that somebody has to work off."""
_NEWS_TOPIC = "outcomes"
_NEWS_ENTRIES = 10_000
"""How many entries of a topic of news are kept while no group reads it: enough for who was away for a moment."""


async def trim(service: str, streams: Streams) -> int:
    """Trim the topics that a service owns; returns how many entries were deleted.

    A group that is created later starts with what is left. Streams are transport: who wants history asks the owner.

    Raises:
        Unavailable: Redis is away.
    """
    deleted = 0
    for partition in range(streams.partitions):
        for name in WORK_TOPICS:
            deleted += await streams.trim(f"{service}.{name}", partition)
        deleted += await streams.trim(f"{service}.{_NEWS_TOPIC}", partition, unread=_NEWS_ENTRIES)
    return deleted
