"""What Redis could take at most: entries of the size that an order's command has, many sent together."""

from uuid_utils.compat import uuid7

from benchmarks.basket import CUSTOMER
from benchmarks.workloads.repeating import repeat
from benchmarks.workloads.results import Sample
from onhand.common.contracts import CreateOrder, Line
from onhand.common.messaging.connections import call
from onhand.common.messaging.envelope import encode, wrap
from onhand.common.messaging.streams import Streams

_KEY = "floor.{0}"
_TOGETHER = 100
_KEPT = 100_000
"""Entries that are not trimmed away, about."""


class Entries:
    """A stream, and what goes there.

    Attributes:
        appended: entries so far.
    """

    def __init__(self, streams: Streams, pid: int) -> None:
        self._streams = streams
        self._pid = pid
        self.appended = 0
        order = CreateOrder(order_id=uuid7(), customer_id=CUSTOMER, lines=(Line("123", 5),), as_product=True)
        self._payload = encode(wrap(order, source="/gateway", replyto=f"replies.gateway.{uuid7()}"))

    async def run(self, seconds: int) -> Sample:
        """Append for so long; what is sent together is answered before more is sent."""
        command = ("XADD", _KEY, "MAXLEN", "~", _KEPT, "*", "event", self._payload)
        async with self._streams.connection(0) as connection:
            count, sample = await repeat(
                lambda: call(connection, *[command] * _TOGETHER),
                each=_TOGETHER,
                seconds=seconds,
                pids={"redis": self._pid},
                case=f"XADD of {len(self._payload)} bytes, {_TOGETHER} together",
                unit="entries",
            )
        self.appended += count
        return sample

    async def find_missing(self) -> list[str]:
        """Look whether Redis has taken every entry."""
        (told,) = await self._streams.look(_KEY, ("XINFO", "STREAM", _KEY))
        added = told[told.index(b"entries-added") + 1]
        return [f"{added} entries were appended, not {self.appended}"] * (added != self.appended)
