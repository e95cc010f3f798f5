import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

Process = subprocess.Popen[str]
Onhand = Callable[..., Process]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")


def read_until(process: Process, text: str) -> list[str]:
    """Read the log up to the line that holds a text."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"ended without {text!r}: {lines} {process.communicate()}")


def child(process: Process, name: str) -> psutil.Process:
    """Return the child of an onhand that has a name in its command line."""
    (found,) = (it for it in psutil.Process(process.pid).children() if name in " ".join(it.cmdline()))
    return found


def processes_on(home: Path) -> list[str]:
    """Return the command lines of the servers that run on a home."""
    command_lines = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    return [line for line in command_lines if str(home) in line]


@pytest.fixture
def some_redis() -> Iterator[str]:
    """The URL of something that can be connected to, for a test that needs no more of Redis."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


def test_everything_starts_from_the_bottom_up_and_stops_from_the_top_down(onhand: Onhand) -> None:
    process = onhand("start")
    log = "".join(read_until(process, "/api/gateway/orders/ORDER_ID"))
    running = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    last, errors = process.communicate()
    starts = [
        "database system is ready",
        "orders: applied",
        "inventory: applied",
        "gateway   | redis unix://",
        "Ready:",
    ]
    stops = ["stopping", "orders    | drained", "postgres  | LOG:  database system is shut down", "stopped"]
    assert [*sorted(starts, key=log.index), *sorted(stops, key=last.index)] == starts + stops
    assert (process.returncode, errors) == (0, "")
    assert not [program for program in running if program.is_running()]


def test_a_service_that_dies_is_started_again_and_the_log_says_so(onhand: Onhand, some_redis: str) -> None:
    process = onhand("start", "gateway", REDIS_URL=some_redis)
    read_until(process, "Ready:")
    child(process, "onhand.gateway").kill()
    read_until(process, "onhand    | gateway was killed by SIGKILL; starting it again in 0.")
    read_until(process, f"gateway   | redis {some_redis}")


def test_an_embedded_server_that_dies_is_started_again(onhand: Onhand) -> None:
    process = onhand("start", "gateway")
    read_until(process, "Ready:")
    first = child(process, "valkey")
    first.kill()
    read_until(process, "redis was killed by SIGKILL; starting it again")
    while json.loads(onhand("status", "--json").communicate()[0])[3]["state"] != "ready":
        pass
    assert child(process, "valkey") != first


def test_a_start_that_fails_names_the_service_and_its_last_line_and_leaves_nothing(onhand: Onhand, home: Path) -> None:
    process = onhand("start", "gateway", SERVICE_DOES="gateway:fail")
    _, errors = process.communicate()
    assert errors == "onhand: gateway ended with exit code 1 before it was ready: no luck today\n"
    assert process.returncode == 1
    assert processes_on(home) == []
    assert not (home / "run" / "gateway.lock").read_text()


def test_a_port_in_use_is_told_in_one_line_before_anything_starts(
    onhand: Onhand, environment: dict[str, str], home: Path
) -> None:
    with socket.create_server(("127.0.0.1", int(environment["ORDERS_PORT"]))) as listener:
        out, errors = onhand("start").communicate()
        port, name = listener.getsockname()[1], psutil.Process().name()
    assert (
        errors == f"onhand: port {port} (orders) is in use by {name} (pid {os.getpid()}): stop it or set ORDERS_PORT\n"
    )
    assert out == ""
    assert not (home / "redis").exists()


def test_a_server_that_is_away_is_told_in_one_line_before_anything_starts(onhand: Onhand, home: Path) -> None:
    process = onhand("start", REDIS_URL="redis://me:secret@127.0.0.1:1/0")
    out, errors = process.communicate()
    assert errors.startswith("onhand: REDIS_URL: no Redis answers at 127.0.0.1:1/0: ")
    assert (out, errors.count("\n"), process.returncode) == ("", 1, 1)
    assert not (home / "postgres").exists()


def test_a_setting_that_makes_no_sense_is_told_in_one_line(onhand: Onhand) -> None:
    process = onhand("start", GATEWAY_PORT="many")
    _, errors = process.communicate()
    assert errors.startswith("onhand: GATEWAY_PORT: ")
    assert (errors.count("\n"), process.returncode) == (1, 2)


def test_a_second_interrupt_kills_at_once(onhand: Onhand) -> None:
    process = onhand("start", "gateway", SERVICE_DOES="gateway:hang", DRAIN_SECONDS="600")
    read_until(process, "Ready:")
    running = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    read_until(process, "stopping")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert errors.startswith("onhand: killed by a second interrupt")
    assert process.returncode == 130
    assert not [program for program in running if program.is_running()]


def test_a_service_that_does_not_drain_in_time_is_killed(onhand: Onhand, some_redis: str) -> None:
    process = onhand("start", "gateway", REDIS_URL=some_redis, SERVICE_DOES="gateway:hang", DRAIN_SECONDS="0.1")
    read_until(process, "Ready:")
    process.terminate()
    out, _ = process.communicate()
    assert "gateway did not stop within 2.1 s: killing it" in out
    assert process.returncode == 0


def test_an_interrupt_during_the_start_stops_what_was_started(onhand: Onhand, home: Path) -> None:
    process = onhand("start")
    read_until(process, "starting PostgreSQL")
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 0
    assert processes_on(home) == []


def test_nothing_is_run_twice(onhand: Onhand, some_redis: str) -> None:
    first = onhand("start", "gateway", REDIS_URL=some_redis)
    read_until(first, "Ready:")
    second = onhand("start", "gateway", REDIS_URL=some_redis)
    _, errors = second.communicate()
    assert errors == f"onhand: gateway is already running (pid {first.pid}); `onhand stop` ends it\n"
    assert second.returncode == 1


@on_linux
def test_the_programs_of_an_onhand_that_is_killed_end_too(onhand: Onhand) -> None:
    process = onhand("start")
    read_until(process, "Ready:")
    programs = psutil.Process(process.pid).children()
    process.kill()
    _, alive = psutil.wait_procs(programs, timeout=10)
    assert [program for program in alive if program.status() != psutil.STATUS_ZOMBIE] == []


def test_what_a_killed_onhand_left_behind_is_stopped_by_the_next(onhand: Onhand, some_redis: str) -> None:
    settings = {"REDIS_URL": some_redis, "DRAIN_SECONDS": "0.1"}
    first = onhand("start", "gateway", SERVICE_DOES="gateway:hang", **settings)
    read_until(first, "Ready:")
    left_behind = child(first, "onhand.gateway")
    first.kill()
    first.wait()
    assert left_behind.is_running()
    second = onhand("start", "gateway", **settings)
    read_until(second, f"stopping gateway (pid {left_behind.pid}), left behind by an onhand that was killed")
    read_until(second, "Ready:")


def test_services_in_two_terminals_share_the_servers_and_the_second_takes_over(onhand: Onhand) -> None:
    first = onhand("start", "gateway")
    read_until(first, "Ready:")
    second = onhand("start", "orders")
    read_until(second, "redis is already run by another onhand: using that")
    read_until(second, "Ready:")
    first.send_signal(signal.SIGINT)
    first.communicate()
    read_until(second, "the onhand that ran redis has ended: taking over")
    while json.loads(onhand("status", "--json").communicate()[0])[3]["state"] != "ready":
        pass
    onhand("stop").communicate()
    assert second.wait() == 0


def test_a_change_of_code_restarts_the_service(onhand: Onhand, some_redis: str, tmp_path: Path) -> None:
    process = onhand("dev", "gateway", REDIS_URL=some_redis)
    read_until(process, "Ready:")
    code = tmp_path / "onhand" / "gateway" / "__main__.py"
    code.write_text(code.read_text().replace('"redis"', '"new code", "redis"'))
    read_until(process, "__main__.py changed: restarting gateway")
    read_until(process, "gateway   | drained")
    read_until(process, "gateway   | new code")
