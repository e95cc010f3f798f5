"""Clients of the gateway: one request, and what came of it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import httpx

from tests.e2e.system import System
from tests.failures.history import NO_ANSWER, History, Look, Purchase

_PATIENCE_SECONDS = 15.0
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Wish(NamedTuple):
    """An order to be placed. No other may have the same customer; see `Purchase`."""

    customer: str
    product: str
    quantity: int


async def buy(http: httpx.AsyncClient, client: str, wish: Wish) -> Purchase:
    """Place an order."""
    body = {"productId": wish.product, "quantity": wish.quantity, "customerId": wish.customer}
    exchange, told = await _exchange(http, http.build_request("POST", "/api/gateway/orders", json=body))
    return Purchase(
        client=client,
        **wish._asdict(),
        order_id=told.get("orderId", ""),
        status=told["status"] if exchange["answer"] == 201 else "",  # a problem has a status, too: its own
        **exchange,
    )


async def look(http: httpx.AsyncClient, client: str, order_id: str) -> Look:
    """Look an order up."""
    exchange, told = await _exchange(http, http.build_request("GET", f"/api/gateway/orders/{order_id}"))
    status = told["status"] if exchange["answer"] == 200 else ""
    return Look(client=client, order_id=order_id, status=status, **exchange)


async def _exchange(http: httpx.AsyncClient, request: httpx.Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """Send a request; returns what every `Exchange` has, and the body of the answer."""
    exchange: dict[str, Any] = {"asked_at": time.monotonic(), "answer": NO_ANSWER}
    told: dict[str, Any] = {}
    try:
        response = await http.send(request)
        exchange["answer"], told = response.status_code, response.json()
    except httpx.TransportError as error:
        exchange |= {"error": repr(error), "was_sent": not isinstance(error, _NEVER_SENT)}
    return exchange | {"answered_at": time.monotonic()}, told


def http_client(system: System) -> httpx.AsyncClient:
    """A client of the gateway with as many connections as it needs."""
    room = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx.AsyncClient(base_url=system.url("gateway"), limits=room, timeout=_PATIENCE_SECONDS, trust_env=False)


def buy_together(system: System, history: History, clients: Sequence[Sequence[Wish]]) -> None:
    """Be several clients at once, of whom each places orders one after the other."""

    async def be_client(http: httpx.AsyncClient, name: str, wishes: Sequence[Wish]) -> None:
        for wish in wishes:
            history.add(await buy(http, name, wish))

    async def be_all() -> None:
        async with http_client(system) as http, asyncio.TaskGroup() as group:
            for wishes in clients:
                group.create_task(be_client(http, wishes[0].customer, wishes))

    asyncio.run(be_all())
