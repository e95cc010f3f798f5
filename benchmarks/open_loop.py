"""Requests at fixed times, whatever the answers do: an open loop.

A client that waits for its answer before it sends again sends little while the system is slow, so that few requests see
it slow: what is measured is coordinated with what measures, and omits the worst (Gil Tene, "How NOT to Measure
Latency"). Here the time of each request is fixed beforehand, and its latency counts from then, also where it was sent
later: because all connections were busy, which is the system's doing, or because this generator was, which is told.

Timers of an event loop are good to a millisecond, so a request may be sent, and seem to be answered, up to one later.
uvloop, whose clock stands still between two looks at it, would be later.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.generator import DONE, answer_length, encode
from benchmarks.requests import PATH, Request

_PLACE = f"{PATH}/".encode()
"""Before an order's id in the header Location."""
_ORDER_ID_LENGTH = 36
_WAIT_SECONDS = 12.0
"""Longer than the gateway waits for a reply."""
_BUSY_SECONDS = 2.0
"""A connection has a request at least so often; the gateway closes those that are idle for five seconds."""


class Accepted(NamedTuple):
    """An order that was answered 201.

    Attributes:
        order_id: as the header Location has it; empty if there is none.
        due: when it was to be sent, by the clock of the machine (seconds since 1970).
        seconds: from then until the answer.
    """

    order_id: str
    due: float
    seconds: float


@dataclass
class Seen:
    """What became of the requests.

    Attributes:
        sent: in all, as the rate and the time say.
        accepted: those that were answered 201.
        refused: those that were answered otherwise.
        late: seconds after its time at which the generator turned to each request.
        seconds: from the first request until the last answer.
    """

    sent: int
    accepted: list[Accepted] = field(default_factory=list)
    refused: int = 0
    late: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def unanswered(self) -> int:
        """Requests to which no answer came."""
        return self.sent - self.refused - len(self.accepted)


class _Connection(asyncio.Protocol):
    """Sends one request at a time, which is due at a time that is told; `loop` hears what comes of it."""

    def __init__(self, loop: "_OpenLoop") -> None:
        self._loop = loop
        self._received = b""
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  # what create_connection gives
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" in self._received and len(self._received) >= answer_length(self._received):
            answer, self._received = self._received, b""
            self._loop.answered(self, answer)

    def connection_lost(self, _: Exception | None) -> None:
        self._loop.lost(self)


class _OpenLoop:
    def __init__(self, requests: Iterator[bytes], seen: Seen) -> None:
        self._requests = requests
        self._seen = seen
        self._loop = asyncio.get_running_loop()
        self._wall = time.time() - self._loop.time()
        self._free: deque[_Connection] = deque()
        self._overdue: deque[float] = deque()
        self._complete = asyncio.Event()

    async def run(self, rate: float, connections: Sequence[_Connection]) -> None:
        self._free.extend(connections)
        begun = self._loop.time()
        number = 0
        while number < self._seen.sent:
            now = self._loop.time()
            while number < self._seen.sent and (due := begun + number / rate) <= now:
                self._seen.late.append(self._loop.time() - due)
                self._send(due)
                number += 1
            await asyncio.sleep(max(0.0, begun + number / rate - self._loop.time()))
        try:
            await asyncio.wait_for(self._complete.wait(), _WAIT_SECONDS)
        except TimeoutError:
            self._seen.seconds = self._loop.time() - begun
        else:
            self._seen.seconds = self._ended - begun

    def answered(self, connection: _Connection, answer: bytes) -> None:
        now = self._loop.time()
        if int(answer[9:12]) in DONE:
            order_id = answer.partition(_PLACE)[2][:_ORDER_ID_LENGTH].decode()
            self._seen.accepted.append(Accepted(order_id, connection.due + self._wall, now - connection.due))
        else:
            self._seen.refused += 1
        if self._overdue:
            connection.send(next(self._requests), self._overdue.popleft())
        else:
            self._free.append(connection)
        if not self._seen.unanswered:
            self._ended = now
            self._complete.set()

    def lost(self, connection: _Connection) -> None:
        if connection in self._free:  # else its request stays unanswered
            self._free.remove(connection)

    def _send(self, due: float) -> None:
        if self._free:
            self._free.popleft().send(next(self._requests), due)  # the one that was idle for longest
        else:
            self._overdue.append(due)


async def run(url: str, requests: Sequence[Request], connections: int, seconds: float, rate: float) -> Seen:
    """Send orders at a steady rate, and wait until all are answered, or for a while.

    Args:
        url: of the gateway.
        requests: for one order each, sent one after the other, again and again.
        connections: the most requests that are under way at once; what is due while all are busy is sent, and counts as
            late as it is, when one is free.
        seconds: how long.
        rate: requests per second.

    Raises:
        OSError: a connection could not be made.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    seen = Seen(sent=max(1, round(rate * seconds)))
    loop = _OpenLoop(cycle([encode(request, f"{host}:{port}") for request in requests]), seen)
    connect = partial(asyncio.get_running_loop().create_connection, partial(_Connection, loop), host, port)
    opened = [await connect() for _ in range(max(1, min(connections, int(rate * _BUSY_SECONDS))))]
    try:
        await loop.run(rate, [connection for _, connection in opened])
    finally:
        for transport, _ in opened:
            transport.close()
    return seen
