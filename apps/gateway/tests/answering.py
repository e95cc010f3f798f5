"""A gateway without anybody behind it: one reply to everything, and what was asked."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import httpx
from msgspec import UNSET, UnsetType

from onhand.common.contracts import Command, Query, Reply
from onhand.common.errors import NoReply, Unavailable
from onhand.common.messaging.envelope import Envelope, wrap
from onhand.common.messaging.request_reply import Outcome, Requests
from onhand.gateway.api import create_app
from onhand.gateway.live.hub import Live

ID = UUID("01a206cd-427d-77a1-8aa6-7ee7769e5ae9")
OTHER = UUID("01a206cd-427d-77a1-8aa6-7ee7769e5aea")
TEA = {"productId": "tea", "quantity": 1}
JAM = {"productId": "jam", "quantity": 1}
MAKING: dict[str, dict[str, Any]] = {
    "/orders": {"customerId": "c", "lines": [TEA]},
    "/stock/tea/movements": {"type": "count", "onHand": 0},
    "/stock/tea/incoming": {"quantity": 3, "expectedAt": "2026-12-01T09:00:00+01:00"},
    "/reservations": {"lines": [TEA], "ttlSeconds": 60},
    f"/orders/{ID}/fulfilments": {"lines": [TEA]},
    f"/orders/{ID}/returns": {"lines": [TEA]},
}
"""A body for every route that makes something."""


class Answering:
    """Stands in for `Requests`: keeps what is asked, and gives one reply to everything."""

    def __init__(self, reply: Reply | Exception) -> None:
        self.reply = reply
        self.asked: list[Command | Query] = []
        self.actors: list[str | UnsetType] = []
        self.traces: list[str | UnsetType] = []

    async def ask(
        self, request: Command | Query, trace: str | UnsetType = UNSET, actor: str | UnsetType = UNSET
    ) -> Envelope:
        self.asked.append(request)
        self.traces.append(trace)
        self.actors.append(actor)
        if isinstance(self.reply, Exception):
            raise self.reply
        return wrap(self.reply, source="/elsewhere")

    def send(
        self, request: Command | Query, trace: str | UnsetType = UNSET, actor: str | UnsetType = UNSET
    ) -> "asyncio.Future[Envelope]":
        return asyncio.create_task(self.ask(request, trace, actor))

    async def ask_all(
        self, requests: Sequence[Command | Query], _: str | UnsetType = UNSET, actor: str | UnsetType = UNSET
    ) -> list[Outcome]:
        self.asked += requests
        self.actors += [actor] * len(requests)
        reply = self.reply
        if isinstance(reply, NoReply | Unavailable):
            return [reply] * len(requests)
        assert isinstance(reply, Reply)
        return [wrap(reply, source="/elsewhere") for _ in requests]


async def send(answering: Answering, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
    """Send one request, with a body as JSON and headers by their names."""
    app: Any = create_app(cast("Requests", answering), cast("Live", None))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway/api/gateway") as client:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(method, path, json=body, headers=sent)
