"""The janitor: keeps streams as long as somebody needs them, and no longer.

Without it a stream holds every message there ever was, in memory. Trimming by length would delete work that nobody has
seen; so it goes by the lowest entry that any consumer group still needs.
"""

from onhand.common.messaging.streams import Streams

_TOPICS = ("commands", "queries", "events")


async def trim(service: str, streams: Streams) -> int:
    """Trim the topics that a service owns; returns how many entries were deleted.

    A group that is created later starts with what is left. Streams are transport: who wants history asks the owner.

    Raises:
        Unavailable: Redis is away.
    """
    return sum([await streams.trim(f"{service}.{name}") for name in _TOPICS])
