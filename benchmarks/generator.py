"""A small load generator for machines without wrk: HTTP/1.1, keep-alive, one request at a time per connection."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlsplit

from benchmarks.requests import Request

DONE = (200, 201)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Result:
    """What was answered; what was still under way when the time was over is not counted, as in wrk.

    Attributes:
        statuses: number of answers by HTTP status.
        latencies: in seconds, of those that were answered 201, or 200.
        broken: connections that ended early.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    broken: int = 0
    seconds: float = 0.0

    def percentile(self, percent: float) -> float:
        """Milliseconds within which so many percent of these came; 0 if there were none."""
        if not self.latencies:
            return 0.0
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1e3


def answer_length(head: bytes) -> int:
    """Bytes of the whole answer that begins with `head`, which reaches at least to the empty line.

    Raises:
        ValueError: it has no Content-Length.
    """
    found = _LENGTH.search(head)
    if not found:
        raise ValueError("an answer without Content-Length")
    return head.index(b"\r\n\r\n") + 4 + int(found[1])


class _Timetable:
    """When to send: at a steady rate, whatever is answered when.

    Args:
        rate: per second; None: at once.
    """

    def __init__(self, rate: float | None) -> None:
        self._pause = 1 / rate if rate else 0.0
        self._loop = asyncio.get_running_loop()
        self._next = 0.0

    def take_place(self, send: Callable[[], None]) -> None:
        if self._pause:
            self._next = (self._next or self._loop.time()) + self._pause
            self._loop.call_at(self._next, send)
        else:
            send()


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], result: Result, timetable: _Timetable) -> None:
        self._requests = requests
        self._result = result
        self._timetable = timetable
        self._received = b""
        self._sent_at = 0.0
        self.finished = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  # what create_connection gives
        self._transport = transport

    def send(self) -> None:
        if self._transport.is_closing():  # the time is over
            return
        request = next(self._requests, None)
        if request is None:  # all are sent, and it has the answers to its own
            self.finished.set_result(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" not in self._received or len(self._received) < answer_length(self._received):
            return
        status = int(self._received[9:12])
        if status in DONE:
            self._result.latencies.append(time.perf_counter() - self._sent_at)
        self._result.statuses[status] += 1
        self._received = b""
        self._timetable.take_place(self.send)

    def connection_lost(self, _: Exception | None) -> None:
        self._result.broken += 1
        if not self.finished.done():
            self.finished.set_result(None)


async def run(
    url: str, requests: Sequence[Request], connections: int, seconds: float, rate: float | None = None
) -> Result:
    """Send requests one after the other, again and again: so many a second, or each when its connection is answered.

    Raises:
        OSError: a connection could not be made.
    """
    return await _send(url, requests, cycle, connections, seconds, rate)


async def run_once(url: str, requests: Sequence[Request], connections: int, limit_seconds: float) -> Result:
    """Send each request once, as many at a time as there are connections, until all are answered or the time is over.

    Raises:
        OSError: a connection could not be made.
    """
    return await _send(url, requests, iter, connections, limit_seconds)


async def _send(  # what both ways to send need
    url: str,
    requests: Sequence[Request],
    repeat: Callable[[Iterable[bytes]], Iterator[bytes]],
    connections: int,
    seconds: float,
    rate: float | None = None,
) -> Result:
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    to_send = repeat([encode(request, f"{host}:{port}") for request in requests])
    result = Result()
    loop = asyncio.get_running_loop()
    timetable = _Timetable(rate)
    opened = [
        await loop.create_connection(lambda: _Connection(to_send, result, timetable), host, port)
        for _ in range(connections)
    ]
    begun = time.perf_counter()
    for _, connection in opened:
        timetable.take_place(connection.send)
    await asyncio.wait([connection.finished for _, connection in opened], timeout=seconds)
    seen = Result(Counter(result.statuses), list(result.latencies), result.broken, time.perf_counter() - begun)
    for transport, _ in opened:
        transport.close()
    return seen


def encode(request: Request, host: str) -> bytes:
    """As it goes over the wire, to the host and port that are named."""
    head = f"{request.method} {request.path} HTTP/1.1\r\nHost: {host}\r\n"
    if request.body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(request.body.encode())}\r\n"
    return f"{head}\r\n{request.body}".encode()
