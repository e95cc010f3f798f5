import asyncio

import falcon.asgi
import pytest
from falcon.testing import TestClient

from onhand.common import health
from onhand.common.health import Health


async def fine() -> None:
    return


async def broken() -> None:
    raise ConnectionRefusedError("nobody there")


async def hanging() -> None:
    await asyncio.sleep(3600)


def client(checked: Health) -> TestClient:
    app = falcon.asgi.App()
    checked.add_routes(app)
    return TestClient(app)


def test_a_process_is_ready_when_all_it_needs_is_there() -> None:
    answer = client(Health("toy", {"redis": fine, "database": fine})).simulate_get("/health/ready")
    assert answer.status_code == 200
    assert answer.json == {"status": "ready", "service": "toy", "checks": {"redis": "ok", "database": "ok"}}


def test_a_process_that_lacks_something_is_not_ready_and_says_what_it_lacks() -> None:
    answer = client(Health("toy", {"redis": broken, "database": fine})).simulate_get("/health/ready")
    assert answer.status_code == 503
    assert answer.json["checks"] == {"redis": "nobody there", "database": "ok"}


def test_a_probe_that_hangs_makes_a_process_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_PROBE_SECONDS", 0.05)
    answer = client(Health("toy", {"redis": hanging})).simulate_get("/health/ready")
    assert answer.status_code == 503
    assert answer.json["checks"] == {"redis": "no answer within 0.05 s"}


def test_a_process_that_lacks_something_is_live_all_the_same() -> None:
    assert client(Health("toy", {"redis": broken})).simulate_get("/health/live").status_code == 200
