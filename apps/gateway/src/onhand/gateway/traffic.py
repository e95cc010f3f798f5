"""What clients ask for, what they are answered, and how long it takes.

This is done for each request, so it is counted in plain numbers, which become metrics when somebody asks for them. The
counter and the histogram of the client library would cost twice as much (docs/adr/0019).
"""

from bisect import bisect_left
from collections.abc import Iterator
from http import HTTPMethod
from time import perf_counter

import falcon.asgi
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from onhand.common.messaging.request_reply import Requests
from onhand.common.metrics import (
    LISTENERS,
    LISTENERS_DROPPED,
    OTHER,
    REQUEST_SECONDS,
    REQUESTS,
    REQUESTS_IN_FLIGHT,
    REQUESTS_REFUSED,
)
from onhand.gateway.live.hub import Live

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Durations in seconds, up to which requests are counted together."""

Request = falcon.asgi.Request
Response = falcon.asgi.Response


class _Answered:
    """How many requests took how long: one number for each bound, one for those beyond, and their sum in seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


class Traffic(Collector):
    """Falcon middleware that counts requests, and a collector that tells of them.

    Args:
        requests: where they wait for a reply.
        live: those who listen.
    """

    def __init__(self, requests: Requests, live: Live) -> None:
        self._requests = requests
        self._live = live
        self._answered: dict[tuple[str, str, int], _Answered] = {}

    async def process_request(self, request: Request, _: Response) -> None:
        """Note when a request begins."""
        request.context.began = perf_counter()

    async def process_response(self, request: Request, response: Response, _: object, __: bool) -> None:
        """Count a request that is answered."""
        now = perf_counter()
        seconds = now - getattr(request.context, "began", now)  # some methods are refused before they begin
        self.count(request.uri_template or OTHER, request.method, response.status_code, seconds)

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that is answered with some status after so many seconds."""
        key = (route, method, status)
        answered = self._answered.get(key) or self._first(*key)
        answered.counts[bisect_left(BOUNDS, seconds)] += 1
        answered.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """Tell what was counted."""
        yield REQUESTS.counter(
            {(route, method, str(status)): sum(it.counts) for (route, method, status), it in self._answered.items()}
        )
        yield REQUEST_SECONDS.histogram(BOUNDS, self._by_route())
        yield REQUESTS_IN_FLIGHT.gauge({(): self._requests.in_flight})
        yield REQUESTS_REFUSED.counter({(reason,): count for reason, count in self._requests.refused.items()})
        yield LISTENERS.gauge({(): self._live.streaming})
        yield LISTENERS_DROPPED.counter({(): self._live.dropped})

    def _first(self, route: str, method: str, status: int) -> _Answered:
        """The numbers of what was not seen before; what clients can make up is not told apart."""
        known = (route, method if method in HTTPMethod.__members__ else OTHER, status)
        return self._answered.setdefault(known, _Answered())

    def _by_route(self) -> dict[tuple[str, ...], tuple[list[int], float]]:
        routes: dict[tuple[str, ...], tuple[list[int], float]] = {}
        for (route, _, __), answered in self._answered.items():
            counts, seconds = routes.get((route,), ([0] * len(answered.counts), 0.0))
            total = [one + other for one, other in zip(counts, answered.counts, strict=True)]
            routes[(route,)] = (total, seconds + answered.seconds)
        return routes
