"""Presence: who can be asked right now, and how much waits there.

Every service says once a second that it is ready, and a gateway refuses at once what nobody would answer, instead of
letting a client wait for a timeout. With it the service tells how many messages wait on its topics, so that a gateway
takes no more than can be worked off: whoever reads them may be slow, or away and unable to tell.
"""

import time

import msgspec
from msgspec import Struct

from onhand.common.messaging.janitor import WORK_TOPICS
from onhand.common.messaging.streams import Streams

CHANNEL = "presence"
_ABSENT_AFTER_SECONDS = 3.0


class Announcement(Struct, frozen=True):
    """What a service says of itself.

    Attributes:
        service: its name.
        backlog: about how many messages wait on its topics for the group that is furthest behind, in its fullest
            partition; groups that nobody reads for do not count.
    """

    service: str
    backlog: int = 0


_decode = msgspec.json.Decoder(Announcement).decode


async def announce(service: str, streams: Streams) -> None:
    """Tell every listener that this service is ready. To be called once a second, while it is.

    Raises:
        Unavailable: Redis is away.
    """
    backlogs = [
        await streams.backlog(f"{service}.{topic}", partition)
        for topic in WORK_TOPICS
        for partition in range(streams.partitions)
    ]
    await streams.publish(CHANNEL, msgspec.json.encode(Announcement(service, max(backlogs))))


class Presence:
    """Which services have been heard of lately. One that has not been heard of yet has the same time to speak up.

    Attributes:
        backlog: the most messages that wait for anyone, as far as services tell that are there.
    """

    def __init__(self) -> None:
        self._begun_at = time.monotonic()
        self._heard_at: dict[str, float] = {}
        self._backlogs: dict[str, int] = {}
        self.backlog = 0

    def heard(self, payload: bytes) -> None:
        """Note an announcement; what is none is passed over."""
        try:
            announcement = _decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return
        self._heard_at[announcement.service] = time.monotonic()
        self._backlogs[announcement.service] = announcement.backlog
        # What a service said that is away is not true any more, and if it was removed, never will be.
        self.backlog = max(told for service, told in self._backlogs.items() if not self.is_absent(service))

    def is_absent(self, service: str) -> bool:
        """Whether the service has been silent for too long."""
        return time.monotonic() - self._heard_at.get(service, self._begun_at) > _ABSENT_AFTER_SECONDS
