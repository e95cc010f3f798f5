"""Clients of the gateway: one request, and what came of it.

They speak HTTP by themselves, to know for certain whether anything was sent, and to be 500 without being slow.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import msgspec
from httpx import URL

from tests.failures.history import NO_ANSWER, History, Look, Purchase

_PATIENCE_SECONDS = 15.0
_ORDERS = "/api/gateway/orders"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *\d+\r\n", re.IGNORECASE)


class Wish(NamedTuple):
    """An order to be placed. No other may have the same customer; see `Purchase`."""

    customer: str
    product: str
    quantity: int


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

    async def buy(self, wish: Wish) -> Purchase:
        """Place an order."""
        body = {"productId": wish.product, "quantity": wish.quantity, "customerId": wish.customer}
        exchange, told = await self._exchange("POST", _ORDERS, msgspec.json.encode(body))
        return Purchase(
            **exchange,
            **wish._asdict(),
            order_id=told.get("orderId", ""),
            status=told["status"] if exchange["answer"] == 201 else "",  # a problem has a status, too: its own
        )

    async def look(self, order_id: str) -> Look:
        """Look an order up."""
        exchange, told = await self._exchange("GET", f"{_ORDERS}/{order_id}")
        return Look(**exchange, order_id=order_id, status=told["status"] if exchange["answer"] == 200 else "")

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

    async def _exchange(self, method: str, path: str, body: bytes = b"") -> tuple[dict[str, Any], dict[str, Any]]:
        """Send a request; returns what every `Exchange` has, and the body of the answer."""
        exchange: dict[str, Any] = {"client": self.name, "asked_at": time.monotonic(), "answer": NO_ANSWER}
        told: dict[str, Any] = {}
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self.open()
                exchange["answer"], exchange["says_when"], told = await self._ask(method, path, body)
        except (NotSent, OSError, EOFError) as error:  # a TimeoutError is an OSError
            self._close()
            exchange |= {"error": repr(error), "was_sent": not isinstance(error, NotSent)}
        return exchange | {"answered_at": time.monotonic()}, told

    async def _ask(self, method: str, path: str, body: bytes) -> tuple[int, bool, dict[str, Any]]:
        assert self._streams
        reader, writer = self._streams
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._url.netloc.decode()}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
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


def buy_together(gateway: str, history: History, clients: Sequence[Sequence[Wish]]) -> None:
    """Be several clients of the gateway at a URL at once, of whom each places orders one after the other."""

    async def be_client(client: Client, wishes: Sequence[Wish]) -> None:
        async with client:
            for wish in wishes:
                history.add(await client.buy(wish))

    async def be_all() -> None:
        there = [Client(wishes[0].customer, gateway) for wishes in clients]
        await asyncio.gather(*(client.open() for client in there), return_exceptions=True)  # who cannot tries again
        await asyncio.gather(*(be_client(client, wishes) for client, wishes in zip(there, clients, strict=True)))

    asyncio.run(be_all())
