"""Clients of the gateway: one request, and what came of it.

They speak HTTP by themselves, to know for certain whether anything was sent, and to be 500 without being slow.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Self

import msgspec
from httpx import URL
from msgspec.structs import replace

from tests.failures.errands import Errand, as_json
from tests.failures.history import NO_ANSWER, Deed, History, Lines, Look, Purchase

_PATIENCE_SECONDS = 15.0
_ORDERS = "/api/gateway/orders"
_COME_AGAIN = {503, 504, NO_ANSWER}
_PAUSE_SECONDS = 0.1
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *\d+\r\n", re.IGNORECASE)


class Wish(NamedTuple):
    """An order to be placed, in the form for one product or, with a policy, in that for lines; see `Purchase`.

    Attributes:
        hold_id: of a hold whose units it takes.
        wait_seconds: how long the client would rather wait for the outcome.
    """

    customer: str
    lines: Lines
    policy: str = ""
    key: str = ""
    hold_id: str = ""
    wait_seconds: int = 0

    def body(self) -> dict[str, Any]:
        """The request."""
        ((product, quantity), *_) = self.lines
        body: dict[str, Any] = {"customerId": self.customer}
        if not self.policy:
            return body | {"productId": product, "quantity": quantity}
        body |= {"lines": as_json(self.lines), "policy": self.policy}
        return body | ({"reservationId": self.hold_id} if self.hold_id else {})


class NotSent(Exception):
    """There is nobody to send it to."""


class Client:
    """A client with a connection of its own, which is opened when it is needed and used as long as it lasts."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = URL(url)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()

    async def act(self, task: Wish | Errand) -> Purchase | Deed:
        """Place an order, or ask for something else."""
        return await (self.buy(task) if isinstance(task, Wish) else self.do(task))

    async def buy(self, wish: Wish) -> Purchase:
        """Place an order."""
        more = f"Prefer: wait={wish.wait_seconds}\r\n" if wish.wait_seconds else ""
        exchange, told = await self._exchange("POST", _ORDERS, msgspec.json.encode(wish.body()), wish.key, more)
        return Purchase(
            **exchange,
            customer=wish.customer,
            lines=wish.lines,
            policy=wish.policy or "all-or-nothing",
            key=wish.key,
            order_id=told.get("orderId", ""),
            status=told["status"] if exchange["answer"] == 201 else "",  # a problem has a status, too: its own
        )

    async def look(self, order_id: str) -> Look:
        """Look an order up."""
        exchange, told = await self._exchange("GET", f"{_ORDERS}/{order_id}")
        found = {name: told[name] for name in ("status", "fulfilment") if name in told and exchange["answer"] == 200}
        return Look(**exchange, order_id=order_id, **found)

    async def do(self, errand: Errand) -> Deed:
        """Ask for something else."""
        body = msgspec.json.encode(errand.body) if errand.body else b""
        # A key on a request that is no POST would say nothing.
        key = errand.key if errand.method == "POST" else ""
        exchange, told = await self._exchange(errand.method, errand.path, body, key)
        deed = Deed(**exchange, verb=errand.verb, subject=errand.subject, key=errand.key)
        if not deed.is_done:
            return deed
        is_over = told.get("state") == "expired" and "endedAt" not in told
        return replace(
            deed,
            told_id=told.get("orderId" if "fulfilment" in told else "reservationId", ""),
            # A hold whose time is over and that nobody has ended yet: a clock that is set back makes that undone.
            status="" if is_over else told.get("state") or told.get("status", ""),
            fulfilment=told.get("fulfilment", ""),
        )

    async def open(self) -> None:
        """Connect, if there is no connection that lasts.

        Raises:
            NotSent: nobody is there.
        """
        if self._streams is None or self._streams[0].at_eof() or self._streams[0].exception():
            self._close()
            try:
                self._streams = await asyncio.open_connection(self._url.host, self._url.port)
            except OSError as error:
                raise NotSent(str(error)) from error

    async def _exchange(
        self, method: str, path: str, body: bytes = b"", key: str = "", more: str = ""
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Send a request, with more headers; returns what every `Exchange` has, and the body of the answer."""
        exchange: dict[str, Any] = {"client": self.name, "asked_at": time.monotonic(), "answer": NO_ANSWER}
        told: dict[str, Any] = {}
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self.open()
                exchange["answer"], exchange["says_when"], told = await self._ask(method, path, body, key, more)
        except (NotSent, OSError, EOFError) as error:  # a TimeoutError is an OSError
            self._close()
            exchange |= {"error": repr(error), "was_sent": not isinstance(error, NotSent)}
        return exchange | {"answered_at": time.monotonic()}, told

    async def _ask(self, method: str, path: str, body: bytes, key: str, more: str) -> tuple[int, bool, dict[str, Any]]:
        assert self._streams
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._url.netloc.decode()}\r\n"
        head += "Content-Type: application/json\r\n" if body else ""
        head += f'Idempotency-Key: "{key}"\r\n' if key else ""
        writer.write(f"{head}{more}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(answer)
        assert length, answer
        told = msgspec.json.decode(await reader.readexactly(int(length[1])))
        if _LAST.search(answer):
            self._close()
        return int(answer.split(maxsplit=2)[1]), _RETRY_AFTER.search(answer) is not None, told

    def _close(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None


Ask = Callable[[Wish | Errand], Awaitable[Purchase | Deed]]
Play = Callable[[Ask], Awaitable[object]]
"""What one client does: it is given the means to ask, and may decide by what came of it."""


def play_together(gateways: list[str], history: History, plays: Sequence[Play]) -> None:
    """Be several clients at once, by turns of the gateways at these URLs."""

    async def be_client(client: Client, play: Play) -> None:
        async def ask(task: Wish | Errand) -> Purchase | Deed:
            record = await client.act(task)
            history.add(record)
            return record

        async with client:
            await play(ask)

    async def be_all() -> None:
        there = [Client(str(number), gateways[number % len(gateways)]) for number, _ in enumerate(plays)]
        await asyncio.gather(*(client.open() for client in there), return_exceptions=True)  # who cannot tries again
        await asyncio.gather(*(be_client(client, play) for client, play in zip(there, plays, strict=True)))

    asyncio.run(be_all())


def act_together(gateway: str, history: History, clients: Sequence[Sequence[Wish | Errand]]) -> None:
    """Be several clients of the gateway at a URL at once, of whom each does one thing after the other."""

    def play_of(tasks: Sequence[Wish | Errand]) -> Play:
        async def play(ask: Ask) -> None:
            for task in tasks:
                await ask(task)

        return play

    play_together([gateway], history, [play_of(tasks) for tasks in clients])


async def insist(ask: Ask, task: Wish | Errand) -> Purchase | Deed:
    """Ask until somebody says what came of it; only for what may be asked again."""
    record = await ask(task)
    while record.answer in _COME_AGAIN:
        await asyncio.sleep(_PAUSE_SECONDS)
        record = await ask(task)
    return record
