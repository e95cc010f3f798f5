"""The life of a process, with real processes and real signals."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

SERVICE = """
import asyncio, sys, time
import falcon.asgi
from onhand.common.health import Health
from onhand.common.service import run, serve

async def finishes(stopping):
    await stopping.wait()
    await asyncio.sleep(0.2)
    print("finished what was in hand", flush=True)

async def never_finishes(stopping):
    await asyncio.Event().wait()

async def fails(stopping):
    raise ZeroDivisionError("a bug")

async def survives_a_cancellation(stopping):
    while not stopping.is_set():
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

turns = 0

async def takes_long_turns(stopping):
    global turns
    while not stopping.is_set():
        turns += 1
        time.sleep(0.02)
        await asyncio.sleep(0)

class Turns:
    async def on_get(self, request, response):
        response.text = str(turns)

class Slow:
    async def on_get(self, request, response):
        print("request begun", flush=True)
        await asyncio.sleep(0.5)
        response.media = "done"

async def main(settings):
    app = falcon.asgi.App()
    Health("toy", {}).add_routes(app)
    app.add_route("/slow", Slow())
    app.add_route("/turns", Turns())
    await serve("toy", settings, settings.orders_port, app, [globals()[name] for name in sys.argv[1:]])

run(main)
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def service(*workers: str, port: int, **settings: str) -> Iterator["subprocess.Popen[str]"]:
    environment = {**os.environ, "ORDERS_PORT": str(port), **settings}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVICE, *workers],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until_live(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200:
                return
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_finishes_what_it_has_in_hand_when_told_to_stop(number: signal.Signals) -> None:
    port = free_port()
    with service("finishes", port=port) as process:
        wait_until_live(port)
        process.send_signal(number)
        output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "finished what was in hand" in output


def test_a_service_answers_the_request_it_has_begun_before_it_stops() -> None:
    port = free_port()
    with service("finishes", port=port) as process:
        wait_until_live(port)
        client = subprocess.Popen(
            [sys.executable, "-c", f"import httpx; print(httpx.get('http://127.0.0.1:{port}/slow').text)"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        while "request begun" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        answer, _ = client.communicate(timeout=10)
        process.communicate(timeout=10)
    assert answer.strip() == '"done"'
    assert process.returncode == 0


def test_a_service_that_does_not_finish_in_time_ends_all_the_same_and_says_so() -> None:
    port = free_port()
    with service("never_finishes", port=port, DRAIN_SECONDS="0.3") as process:
        wait_until_live(port)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "drain limit reached" in output


def test_a_service_whose_worker_has_a_bug_ends_so_that_it_is_started_again() -> None:
    with service("fails", "survives_a_cancellation", port=free_port()) as process:
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "ZeroDivisionError: a bug" in errors


def test_a_service_asks_for_as_many_open_files_as_it_may_have() -> None:
    port = free_port()
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, allowed[1]))
        with service("finishes", port=port) as process:
            wait_until_live(port)
            assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0] == min(65_536, allowed[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, allowed)


def test_many_who_come_at_once_are_let_in_within_a_few_turns_of_an_event_loop_that_is_busy() -> None:
    port, many = free_port(), 64
    with service("takes_long_turns", port=port), ExitStack() as opened:
        wait_until_live(port)
        clients = [opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)) for _ in range(many)]
        for client in clients:
            client.sendall(b"GET /turns HTTP/1.1\r\nHost: toy\r\n\r\n")
        turns = [int(client.recv(4096).rpartition(b"\r\n\r\n")[2]) for client in clients]
    assert max(turns) - min(turns) < many // 4


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with service("finishes", port=port) as process:
            _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert errors.strip() == (
        f"cannot listen on 127.0.0.1:{port}: Address already in use. Stop what uses it, or set TOY_PORT or HOST"
    )


def test_a_bad_setting_is_told_in_one_line() -> None:
    with service("finishes", port=free_port(), LOG_LEVEL="loud") as process:
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 2
    assert errors.startswith("LOG_LEVEL: ")
    assert errors.count("\n") == 1
