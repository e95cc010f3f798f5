"""Requests of the demo: sent again under their key until they are answered, so that a killed process costs nothing."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from onhand.cli.demo.figures import Figures

_ATTEMPTS = 6
_PAUSE_SECONDS = 0.25
_TIMEOUT_SECONDS = 15.0
_UNKNOWN = {502, 503, 504}
_NOBODY = 0
CONNECTIONS = 64
"""Shoppers at once, and connections."""


class Answer(dict[str, Any]):
    """The body of an answer. It is true if the request was done.

    Attributes:
        status: of HTTP; 0 if nobody answered.
    """

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(body)
        self.status = status

    def __bool__(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300


class Requests:
    """Speaks to the gateway, many at once.

    To be used as a context: `async with Requests(url, figures) as requests`.
    """

    def __init__(self, url: str, figures: Figures) -> None:
        self._figures = figures
        limits = httpx.Limits(max_connections=CONNECTIONS + 16, max_keepalive_connections=CONNECTIONS + 16)
        self._client = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/api/gateway/",
            timeout=_TIMEOUT_SECONDS,
            limits=limits,
            trust_env=False,  # the gateway is on this machine, or named on purpose: not through a proxy
            headers={"X-Actor": "onhand demo"},
        )

    async def __aenter__(self) -> "Requests":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self, *segments: str) -> Answer:
        """See how something stands."""
        return await self._ask("GET", segments)

    async def put(self, *segments: str, body: Mapping[str, object]) -> Answer:
        """Say anew what something is."""
        return await self._ask("PUT", segments, body)

    async def post(self, *segments: str, key: str, body: Mapping[str, object]) -> Answer:
        """Have something done, once for each key."""
        return await self._ask("POST", segments, body, {"Idempotency-Key": f'"{key}"'})

    async def _ask(
        self,
        method: str,
        segments: tuple[str, ...],
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        path = "/".join(quote(segment, safe="") for segment in segments)
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._figures.counts["retried"] += 1
                await asyncio.sleep(_PAUSE_SECONDS * 2 ** (attempt - 1))
            try:
                response = await self._client.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                continue
            if response.status_code not in _UNKNOWN:
                return Answer(response.status_code, response.json())
        self._figures.counts["unanswered"] += 1
        return Answer(_NOBODY, {})
