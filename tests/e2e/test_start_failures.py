"""A start that cannot succeed is told in one line that says what, where and how to mend it, and leaves nothing."""

import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator

import pytest

from onhand.cli.local import embedded_servers
from tests.e2e.shared import new_system
from tests.e2e.system import System

NOBODY_LISTENS = "127.0.0.1:1"
REDIS_URL = f"redis://:s3cret@{NOBODY_LISTENS}/0"
DATABASE_URL = f"postgresql://shop:s3cret@{NOBODY_LISTENS}/orders"


@pytest.fixture
def system() -> Iterator[System]:
    """A system that was never started."""
    with new_system() as system:
        yield system


class SaysHttp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1000)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.fixture(params=[socketserver.BaseRequestHandler, SaysHttp])
def not_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    """A REDIS_URL where something listens that is no Redis: it hangs up on everybody, or speaks HTTP."""
    with socketserver.TCPServer(("127.0.0.1", 0), request.param) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"redis://:s3cret@127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()


def reason(system: System, result: subprocess.CompletedProcess[str]) -> str:
    """Why a start failed, in the one line it may take."""
    assert result.returncode in {1, 2}
    assert system.left_running() == []
    assert "s3cret" not in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr
    (line,) = result.stderr.splitlines()
    return line


def test_a_port_in_use(system: System) -> None:
    port = system.ports["inventory"]
    with socket.create_server(("127.0.0.1", port)):
        why = reason(system, system.run("onhand.cli", "start"))
    assert str(port) in why
    assert "in use" in why
    assert "INVENTORY_PORT" in why


@pytest.mark.parametrize(
    ("setting", "url"),
    [("REDIS_URL", REDIS_URL), ("ORDERS_DATABASE_URL", DATABASE_URL), ("INVENTORY_DATABASE_URL", DATABASE_URL)],
)
def test_a_server_that_cannot_be_reached(system: System, setting: str, url: str) -> None:
    why = reason(system, system.run("onhand.cli", "start", **{setting: url}))
    assert setting in why
    assert NOBODY_LISTENS in why


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("GATEWAY_PORT", "abc"),
        ("ORDERS_PORT", "65536"),
        ("REDIS_URL", "http://:s3cret@localhost"),
        ("ORDERS_DATABASE_URL", "mysql://shop:s3cret@localhost/orders"),
        ("INVENTORY_DATABASE_URL", "postgresql://shop:s3cret@[localhost/orders"),
        ("LOG_LEVEL", "loud"),
        ("REPLY_TIMEOUT_SECONDS", "-1"),
        ("ONHAND_REPLICA", "two words"),
    ],
)
def test_a_setting_that_makes_no_sense(system: System, setting: str, value: str) -> None:
    why = reason(system, system.run("onhand.gateway", **{setting: value}))
    assert setting in why
    assert ".env" in why


def test_settings_that_make_no_sense_are_told_all_at_once(system: System) -> None:
    why = reason(system, system.run("onhand.cli", "start", GATEWAY_PORT="abc", LOG_LEVEL="loud"))
    assert "GATEWAY_PORT" in why
    assert "LOG_LEVEL" in why


def test_something_at_redis_url_that_is_no_redis(system: System, not_redis: str) -> None:
    """This is found out before anything is started."""
    result = system.run("onhand.cli", "start", REDIS_URL=not_redis)
    assert "REDIS_URL" in reason(system, result)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("service", "setting"),
    [("gateway", "REDIS_URL"), ("orders", "ORDERS_DATABASE_URL"), ("inventory", "INVENTORY_DATABASE_URL")],
)
def test_a_service_run_by_itself_without_its_servers(system: System, service: str, setting: str) -> None:
    nowhere = {"REDIS_URL": REDIS_URL, "ORDERS_DATABASE_URL": DATABASE_URL, "INVENTORY_DATABASE_URL": DATABASE_URL}
    for urls in (dict.fromkeys(nowhere, ""), nowhere):
        assert setting in reason(system, system.run(f"onhand.{service}", **urls))


def test_a_service_run_by_itself_on_a_port_in_use(system: System) -> None:
    with embedded_servers(system.directory / "servers") as servers, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = system.run("onhand.gateway", REDIS_URL=servers.redis_url, GATEWAY_PORT=str(port))
    assert str(port) in reason(system, result)
