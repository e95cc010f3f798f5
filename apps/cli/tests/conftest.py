import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onhand.cli.local import EmbeddedServers
from tests.e2e.system import free_ports

SERVICES = ("gateway", "orders", "inventory")

# Answers as a service does, says what it was given, and obeys a few words in SERVICE_DOES.
STAND_IN = """
import http.server, os, signal, sys, threading

name = __package__.removeprefix("onhand.")
does = os.environ.get("SERVICE_DOES", "").removeprefix(name + ":")

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()
    def log_message(self, *_):
        pass

def drain(*_):
    print("drained")
    sys.exit(0)

signal.signal(signal.SIGTERM, signal.SIG_IGN if does == "hang" else drain)
if does == "fail":
    sys.exit("no luck today")
print("redis", os.environ["REDIS_URL"])
http.server.HTTPServer(("127.0.0.1", int(os.environ[name.upper() + "_PORT"])), Health).serve_forever()
"""

MIGRATION = "-- migrate:up\nCREATE TABLE {name} (id int);\n-- migrate:down\n"

Onhand = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def home() -> Iterator[Path]:
    """A place for ONHAND_HOME whose path is short enough for sockets and open enough for PostgreSQL under root."""
    with tempfile.TemporaryDirectory(prefix="onhand-test-") as directory:
        yield Path(directory) / "home"


@pytest.fixture
def embedded(servers: tuple[str, EmbeddedServers]) -> EmbeddedServers:
    """The embedded servers of all tests, for those that change nothing of them but databases of their own."""
    return servers[1]


@pytest.fixture
def environment(home: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of an `onhand` that finds stand-ins for the services, and ports of its own for them."""
    for name in SERVICES:
        package = tmp_path / "onhand" / name
        (package / "migrations").mkdir(parents=True)
        (package / "migrations" / "0001_first.sql").write_text(MIGRATION.format(name=name))
        (package / "__main__.py").write_text(STAND_IN)
        (package / "__init__.py").touch()
    ours = {
        "PYTHONPATH": str(tmp_path),
        "ONHAND_HOME": str(home),
        "DRAIN_SECONDS": "5",
        **{f"{name.upper()}_PORT": str(port) for name, port in zip(SERVICES, free_ports(len(SERVICES)), strict=True)},
    }
    return {name: value for name, value in os.environ.items() if not name.endswith("_URL")} | ours


@pytest.fixture
def onhand(environment: dict[str, str]) -> Iterator[Onhand]:
    """Runs the `onhand` command; what it still runs at the end of a test is stopped."""
    processes = []

    def run(*arguments: str, **more: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "onhand.cli", *arguments],
            env=environment | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        with process:
            process.terminate()
