"""Presence: who can be asked right now.

Every service says once a second that it is ready, and a gateway refuses at once what nobody would answer, instead of
letting a client wait for a timeout.
"""

import time

from onhand.common.messaging.streams import Streams

CHANNEL = "presence"
_ABSENT_AFTER_SECONDS = 3.0


async def announce(service: str, streams: Streams) -> None:
    """Tell every listener that this service is ready. To be called once a second, while it is."""
    await streams.publish(CHANNEL, service.encode())


class Presence:
    """Which services have been heard of lately. One that has not been heard of yet has the same time to speak up."""

    def __init__(self) -> None:
        self._begun_at = time.monotonic()
        self._heard_at: dict[str, float] = {}

    def heard(self, payload: bytes) -> None:
        """Note an announcement."""
        if payload:
            self._heard_at[payload.decode()] = time.monotonic()

    def is_absent(self, service: str) -> bool:
        """Whether the service has been silent for too long."""
        return time.monotonic() - self._heard_at.get(service, self._begun_at) > _ABSENT_AFTER_SECONDS
