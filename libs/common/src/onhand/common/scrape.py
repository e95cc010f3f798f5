"""`GET /metrics`: what this process has counted, and what it can see at this moment, in Prometheus's text format."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

import falcon.asgi
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from onhand.common.health import HttpApp
from onhand.common.metrics import SCRAPE_SUCCESS
from onhand.common.telemetry import Trouble

Source = Callable[[], Awaitable[Sequence[Metric]]]
"""Looks up metrics elsewhere: in Redis, in the database."""

_SOURCE_SECONDS = 2.0
_FRESH_SECONDS = 1.0


class Scrape:
    """Tells the metrics of a process.

    Nobody pays while nobody asks: sources are asked when a scrape comes, and at most once a second however many come. A
    source that does not answer in time makes no scrape fail: what it would tell is left out, and a metric says so.

    Args:
        sources: by name, what to ask at a scrape.
        collectors: what else the process has counted, besides what is in Prometheus's own registry.
    """

    def __init__(self, sources: Mapping[str, Source], collectors: Sequence[Collector] = ()) -> None:
        self._sources = sources
        self._collectors = (REGISTRY, *collectors)
        self._troubles = {name: Trouble("metrics are left out", source=name) for name in sources}
        self._asking = asyncio.Lock()
        self._looked_up: list[Metric] = []
        self._fresh_until = 0.0

    async def on_get(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """`GET /metrics`: 200, whoever is away."""
        looked_up = await self._look_up()
        response.content_type = CONTENT_TYPE_PLAIN_0_0_4
        response.data = generate_latest(_Families(self._collectors, looked_up))

    def add_routes(self, app: HttpApp) -> None:
        """Serve it on an app."""
        app.add_route("/metrics", self)

    async def _look_up(self) -> list[Metric]:
        async with self._asking:
            if time.monotonic() >= self._fresh_until:
                self._looked_up = await self._ask_all()
                self._fresh_until = time.monotonic() + _FRESH_SECONDS
            return self._looked_up

    async def _ask_all(self) -> list[Metric]:
        results = await asyncio.gather(*(self._ask(name, source) for name, source in self._sources.items()))
        success: dict[tuple[str, ...], float] = {
            (name,): result is not None for name, result in zip(self._sources, results, strict=True)
        }
        return [SCRAPE_SUCCESS.gauge(success), *(metric for result in results for metric in result or ())]

    async def _ask(self, name: str, source: Source) -> Sequence[Metric] | None:
        try:
            async with asyncio.timeout(_SOURCE_SECONDS):
                found = await source()
        except Exception as error:  # noqa: BLE001  # whatever one source raises, the others are told
            self._troubles[name].is_there(error)
            return None
        self._troubles[name].is_over()
        return found


class _Families(Collector):
    """Metrics from several places as one; those without a value are left out."""

    def __init__(self, collectors: Iterable[Collector], more: Iterable[Metric]) -> None:
        self._collectors = collectors
        self._more = more

    def collect(self) -> Iterator[Metric]:
        for collector in self._collectors:
            yield from (metric for metric in collector.collect() if metric.samples)
        yield from (metric for metric in self._more if metric.samples)
