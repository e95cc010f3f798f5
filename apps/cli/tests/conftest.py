import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from onhand.cli.local import EmbeddedServers
from onhand.cli.main import app
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
Typed = Callable[..., tuple[int, str, str]]
Answer = Callable[[str, bytes], tuple[int, bytes] | None]


@pytest.fixture
def home() -> Iterator[Path]:
    """A place for ONHAND_HOME whose path is short enough for sockets and open enough for PostgreSQL under root."""
    with tempfile.TemporaryDirectory(prefix="onhand-test-") as directory:
        yield Path(directory) / "home"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Runs `onhand` with arguments in this process; returns its exit code, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["onhand", *arguments])
        with pytest.raises(SystemExit) as ended:
            app()
        out, errors = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, out, errors

    return run


@pytest.fixture
def gateway_that(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answer], None]]:
    """Starts a stand-in for the gateway, which `onhand` speaks to from now on.

    A function says what it answers to a path and a body: a status and a body, or nothing and hangs up.
    """
    with ExitStack() as stack:

        def start(answer: Answer) -> None:
            class Answering(BaseHTTPRequestHandler):
                def handle_one_request(self) -> None:
                    self.close_connection = True
                    self.raw_requestline = self.rfile.readline()
                    if not self.parse_request():
                        return
                    told = answer(self.path, self.rfile.read(int(self.headers.get("Content-Length", 0))))
                    if told:
                        self.send_response(told[0])
                        self.send_header("Content-Length", str(len(told[1])))
                        self.end_headers()
                        self.wfile.write(told[1])

                def log_message(self, *_: object) -> None:
                    """Say nothing."""

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Answering))
            serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            serving.start()
            stack.callback(serving.join)
            stack.callback(server.shutdown)
            monkeypatch.setenv("ONHAND_URL", f"http://127.0.0.1:{server.server_port}")

        yield start


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
