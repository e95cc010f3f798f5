"""`python -m benchmarks.listeners`: what it costs orders that many listen to what happens to them.

Each listener hears of one customer. Orders are of these customers in turn, so each of their events is for somebody, or
of `--customers` of whom some are listened to, evenly among the others.
Rounds are pairs, with listeners and without, so that both are disturbed alike. The listeners are on the same machine.
"""

import asyncio
import re
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from statistics import median
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import load
from benchmarks.basket import Basket
from benchmarks.cpu import cpu_times, watch_memory
from benchmarks.rest import wait_for_rest
from benchmarks.target import Target, fresh_system
from onhand.cli.api import ask
from onhand.cli.commands import examples, tool
from onhand.common.database import open_database

ASKED = 0.9
"""Least part of the throughput without listeners that is to be kept."""
_ON_HAND = 2**31 - 1
_WARM_UP_SECONDS = 3
_REST_SECONDS = 60.0
_CATCH_UP_SECONDS, _LAST_SECONDS = 30.0, 1.0
_AT_ONCE = 100
_MOST_KEPT_BYTES = 256 * 1024
_FRAME, _LONGEST_FRAME = re.compile(rb"\r\n[0-9a-f]+\r\n"), 24
_HEADERS = "Host: onhand\r\nAccept: text/event-stream\r\n\r\n"

app = tool()


class Written(NamedTuple):
    """Events in Orders' log, and those of them that are of who is listened to."""

    events: int
    of_listeners: int


class Crowd(NamedTuple):
    """Who orders and who listens.

    Attributes:
        listeners: how many listen, each to a customer of its own.
        customers: how many there are, at least as many.
        is_curious: whether each listener listens to everything instead.
    """

    listeners: int
    customers: int
    is_curious: bool

    def __str__(self) -> str:
        what = "everything" if self.is_curious else f"one each of {self.customers} customers"
        return f"{self.listeners} listen to {what}"

    def bodies(self) -> tuple[str, ...]:
        """Orders of all customers in turn, listened to or not, mixed evenly."""
        step = self.customers / self.listeners
        heard = {int(number * step): f"listener-{number:04}" for number in range(self.listeners)}
        names = [heard.get(number, f"other-{number:05}") for number in range(self.customers)]
        return tuple(f'{{"productId":"123","quantity":5,"customerId":"{name}"}}' for name in names)

    def paths(self) -> list[str]:
        """What the listeners ask for."""
        return [
            "events" if self.is_curious else f"events?customerId=listener-{number:04}"
            for number in range(self.listeners)
        ]

    def to_come(self, written: Written) -> int:
        """How many events come to listeners."""
        return self.listeners * written.events if self.is_curious else written.of_listeners


class Round(NamedTuple):
    """What a round gave.

    Attributes:
        heard: events that came to listeners, until nothing more was to come.
        to_come: those that should.
        cpu_us: for each order, by component.
        gateway_mb: the most memory that the gateway had.
        listeners_us: what it cost to listen, here, for each order.
    """

    created: int
    orders_per_second: float
    p99_ms: float
    heard: int
    to_come: int
    cpu_us: dict[str, float]
    gateway_mb: float
    listeners_us: float


class _Listener(asyncio.Protocol):
    """Counts events, and mostly when asked, after the load: what it costs is taken from the system."""

    def __init__(self, opened: asyncio.Future[None]) -> None:
        self._opened = opened
        self._pieces: list[bytes] = []
        self._size = 0
        self._heard = 0

    def data_received(self, data: bytes) -> None:
        if not self._opened.done():
            self._opened.set_result(None)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _MOST_KEPT_BYTES:
            self.count()

    def count(self) -> int:
        """How many events have come until now."""
        whole = b"".join(self._pieces)
        last = whole[-_LONGEST_FRAME:]  # an event may be in two pieces, and a frame in the middle of its name
        self._heard += _count(whole) - _count(last)
        self._pieces, self._size = [last], len(last)
        return self._heard + _count(last)


def _count(data: bytes) -> int:
    return _FRAME.sub(b"", data).count(b"\ndata: ")


@app.command(epilog=examples("python -m benchmarks.listeners", "python -m benchmarks.listeners --customers 10000"))
def listeners(
    count: Annotated[int, typer.Option("--listeners", min=1, metavar="N", help="How many listen.")] = 1000,
    pairs: Annotated[int, typer.Option(min=1, metavar="N", help="Rounds with and without them.")] = 6,
    seconds: Annotated[int, typer.Option(min=1, metavar="N", help="Length of a round's load.")] = 5,
    connections: Annotated[int, typer.Option(min=1, metavar="N", help="Of the load generator.")] = 64,
    customers: Annotated[
        int, typer.Option(min=0, metavar="N", help="Whose orders come in turn; as many as listen, if none are given.")
    ] = 0,
    *,
    everything: Annotated[bool, typer.Option("--everything", help="Each listens to all orders instead.")] = False,
) -> None:
    """Load a fresh system with and without listeners in turn, and compare the orders per second.

    The exit code is 1 if less than nine tenths are kept, or an event did not come to who listens for it.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    with fresh_system(MAX_LISTENERS=str(count)) as target:
        crowd = Crowd(count, max(customers, count), everything)
        done = uvloop.run(_run(target, crowd, pairs, seconds, connections))
    table = Table(
        "", "orders/s", "p99", "CPU per order", "", "listeners", "gateway", "events", "kept", box=None, pad_edge=False
    )
    kept = [heard.orders_per_second / alone.orders_per_second for alone, heard in done]
    for (alone, heard), part in zip(done, kept, strict=True):
        table.add_row("none", *_cells(alone), "")
        table.add_row(f"{count} listen", *_cells(heard), f"{part:.2f}")
    out = Console(width=160)
    out.print(f"{load.name()}, {connections} connections, {crowd}, rounds of {seconds} s")
    out.print(table)
    out.print(f"kept: {median(kept):.3f} ({min(kept):.2f}-{max(kept):.2f})")
    is_whole = all(it.heard == it.to_come for _, it in done)
    out.print("as many events came as were written" if is_whole else "[red]events are missing, or came twice[/]")
    raise typer.Exit(0 if is_whole and median(kept) >= ASKED else 1)


async def _run(target: Target, crowd: Crowd, pairs: int, seconds: int, connections: int) -> list[tuple[Round, Round]]:
    """Load in turn, what comes first changing each time."""
    await asyncio.to_thread(ask, target.url, "PUT", "stock", "123", body={"onHand": _ON_HAND})
    basket = Basket(("123",), crowd.bodies())
    await load.run(target.url, basket, connections, _WARM_UP_SECONDS)
    done = []
    for number in range(pairs):
        rounds: dict[bool, Round] = {}
        for is_heard in (bool(number % 2), not number % 2):
            async with _listening(target.url, crowd.paths() if is_heard else []) as all_of_them:
                rounds[is_heard] = await _round(target, basket, connections, seconds, all_of_them, crowd)
        done.append((rounds[False], rounds[True]))
    return done


async def _round(  # what a round is made of
    target: Target, basket: Basket, connections: int, seconds: int, listening: list[_Listener], crowd: Crowd
) -> Round:
    await wait_for_rest(target.redis_url, _REST_SECONDS, target.url)
    written_before, heard_before = await _count_events(target), sum(it.count() for it in listening)
    before, ours_before = cpu_times(target.pids), time.process_time()
    async with watch_memory(target.pids["gateway"]) as memory:
        seen = await load.run(target.url, basket, connections, seconds)
        await wait_for_rest(target.redis_url, _REST_SECONDS, target.url)
    after = cpu_times(target.pids)
    written = Written(*map(int.__sub__, await _count_events(target), written_before))
    to_come = crowd.to_come(written) if listening else 0
    for _ in range(int(10 * _CATCH_UP_SECONDS)):
        if sum(it.count() for it in listening) - heard_before >= to_come:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(_LAST_SECONDS if listening else 0)  # what came twice would come now
    return Round(
        seen.created,
        seen.created / seen.seconds,
        seen.p99_ms,
        sum(it.count() for it in listening) - heard_before,
        to_come,
        {
            name: 1e6 * (after.components[name] - before.components[name]) / max(written.events / 2, 1)
            for name in target.pids
        },
        memory.most_mb or 0.0,
        1e6 * (time.process_time() - ours_before) / max(written.events / 2, 1),
    )


@asynccontextmanager
async def _listening(url: str, paths: list[str]) -> AsyncGenerator[list[_Listener]]:
    """Listen for the length of the block."""
    loop, place, few = asyncio.get_running_loop(), urlsplit(url), asyncio.Semaphore(_AT_ONCE)
    transports = []

    async def listen(path: str) -> _Listener:
        opened = loop.create_future()
        async with few:
            transport, listener = await loop.create_connection(
                partial(_Listener, opened), str(place.hostname), place.port or 80
            )
            transports.append(transport)
            transport.write(f"GET /api/gateway/{path} HTTP/1.1\r\n{_HEADERS}".encode())
            await opened
        return listener

    try:
        yield [*await asyncio.gather(*map(listen, paths))]
    finally:
        for transport in transports:
            transport.close()


async def _count_events(target: Target) -> Written:
    async with open_database(target.orders_url, "ORDERS_DATABASE_URL", "onhand-bench", connections=1) as database:
        rows = await database.look(
            """
            SELECT count(*), count(*) FILTER (WHERE customer_id LIKE 'listener-%')
            FROM order_events JOIN orders USING (order_id)
            """
        )
    return Written(*rows[0])


def _cells(it: Round) -> list[str]:
    return [
        f"{it.orders_per_second:,.0f}",
        f"{it.p99_ms:.1f} ms",
        f"{sum(it.cpu_us.values()):.0f} us",
        " ".join(f"{name} {spent:.0f}" for name, spent in it.cpu_us.items()),
        f"{it.listeners_us:.0f} us",
        f"{it.gateway_mb:.0f} MB",
        f"{it.heard:,}",
    ]


if __name__ == "__main__":
    app()
