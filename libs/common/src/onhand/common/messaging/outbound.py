"""Requests on their way out: those of many clients that wait at the same time leave in bundles."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import takewhile

import msgspec
from msgspec import Struct, UnsetType

from onhand.common.messaging.bundles import MOST_PARTS, Part, bundle, part_id
from onhand.common.messaging.envelope import Envelope, Outgoing, encode
from onhand.common.messaging.writer import Writer


class Asked(Struct, frozen=True):
    """A request that is under way.

    Attributes:
        topic: where it goes.
        part: what is asked.
        traceparent: W3C trace context of whoever asked us.
        actor: who wants it.
        reply: gets its reply, or why there is none.
        deadline: by the event loop's clock, until when a reply is waited for.
    """

    topic: str
    part: Part
    traceparent: str | UnsetType
    actor: str | UnsetType
    reply: asyncio.Future[Envelope]
    deadline: float


class Outbound:
    """Requests that wait to be appended to one partition, oldest first, and who appends them."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.waiting: list[Asked] = []
        self._has_some = asyncio.Event()

    def add(self, asked: Asked) -> None:
        """Have a request leave with the next append."""
        self.waiting.append(asked)
        self._has_some.set()

    def wake(self) -> None:
        """End the wait of who takes, if nothing is there."""
        self._has_some.set()

    async def take(self) -> list[Asked]:
        """Wait until there are some, and take them all."""
        await self._has_some.wait()
        self._has_some.clear()
        taken, self.waiting = self.waiting, []
        return taken

    def take_expired(self, now: float) -> list[Asked]:
        """Take those that have waited too long to be sent."""
        expired = list(takewhile(lambda asked: asked.deadline <= now, self.waiting))
        del self.waiting[: len(expired)]
        return expired


def put_in_envelopes(asked: Sequence[Asked], source: str, replyto: str) -> Iterator[tuple[Outgoing, dict[str, Asked]]]:
    """Messages that say what is asked, each with the ids under which its replies will come.

    What goes along has to be the same for all requests of a bundle. A request that is alone needs none.
    """
    alike: dict[tuple[str, str | UnsetType, str | UnsetType], list[Asked]] = {}
    for one in asked:
        alike.setdefault((one.topic, one.traceparent, one.actor), []).append(one)
    for (topic, traceparent, actor), them in alike.items():
        for start in range(0, len(them), MOST_PARTS):
            some = them[start : start + MOST_PARTS]
            parts = [one.part for one in some]
            envelope = bundle(parts, source=source, replyto=replyto, traceparent=traceparent, actor=actor)
            if len(some) == 1:
                envelope = msgspec.structs.replace(envelope, type=parts[0].type, data=parts[0].data)
                ids = {envelope.id: some[0]}
            else:
                ids = {part_id(envelope.id, number): one for number, one in enumerate(some)}
            yield Outgoing(topic, envelope.subject, encode(envelope), len(some)), ids
