"""Liveness and readiness of a process, on its own port."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import falcon
import falcon.asgi
import msgspec

HttpApp = falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response]

Probe = Callable[[], Awaitable[None]]
"""Raises when what it looks at is not usable."""

_PROBE_SECONDS = 2.0


class Health:
    """Tells whether a process can work.

    Args:
        service: name of the service.
        probes: by name, what the process needs for its work.
    """

    def __init__(self, service: str, probes: Mapping[str, Probe]) -> None:
        self._service = service
        self._probes = probes

    async def check(self) -> dict[str, str]:
        """Run all probes side by side; returns `ok` or what is wrong for each."""
        results = await asyncio.gather(*(self._run(probe) for probe in self._probes.values()))
        return dict(zip(self._probes, results, strict=True))

    async def is_ready(self) -> bool:
        """Whether every probe is `ok`."""
        return all(result == "ok" for result in (await self.check()).values())

    async def on_get_live(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """`GET /health/live`: 200 while the process runs its event loop."""
        self._answer(response, 200, {"status": "live", "service": self._service})

    async def on_get_ready(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """`GET /health/ready`: 200 if the process can work, else 503; the body says what it waits for."""
        checks = await self.check()
        ready = all(result == "ok" for result in checks.values())
        body = {"status": "ready" if ready else "not-ready", "service": self._service, "checks": checks}
        self._answer(response, 200 if ready else 503, body)

    def add_routes(self, app: HttpApp) -> None:
        """Serve both on an app."""
        app.add_route("/health/live", self, suffix="live")
        app.add_route("/health/ready", self, suffix="ready")

    async def _run(self, probe: Probe) -> str:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await probe()
        except TimeoutError as error:
            return str(error) or f"no answer within {_PROBE_SECONDS:g} s"
        except Exception as error:  # noqa: BLE001  # whatever a probe raises is the answer
            return str(error) or type(error).__name__
        return "ok"

    @staticmethod
    def _answer(response: falcon.asgi.Response, status: int, body: object) -> None:
        response.status = status
        response.content_type = falcon.MEDIA_JSON
        response.data = msgspec.json.encode(body)
