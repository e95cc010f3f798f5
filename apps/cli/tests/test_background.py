import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from onhand.cli.home import make_home

Onhand = Callable[..., "subprocess.Popen[str]"]


def test_onhand_runs_in_the_background_tells_its_status_and_is_stopped(
    onhand: Onhand, home: Path, environment: dict[str, str]
) -> None:
    start = onhand("start", "--detach")
    out, errors = start.communicate()
    try:
        assert (start.returncode, errors) == (0, "")
        assert "curl -X POST http://127.0.0.1:" in out
        assert f"its log is {home}/logs/onhand.log" in out

        status = onhand("status", "--json")
        components = {component["name"]: component for component in json.loads(status.communicate()[0])}
        assert status.returncode == 0
        assert list(components) == ["gateway", "orders", "inventory", "redis", "postgres"]
        assert {component["state"] for component in components.values()} == {"ready"}
        assert components["gateway"]["address"] == f"http://127.0.0.1:{environment['GATEWAY_PORT']}"
        assert all(component["memoryBytes"] > 0 for component in components.values())
        running = [psutil.Process(component["pid"]) for component in components.values()]
    finally:
        out, _ = onhand("stop").communicate()
    assert out.endswith("stopped\n")
    assert not [process for process in running if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_a_start_in_the_background_that_fails_tells_the_reason(onhand: Onhand) -> None:
    start = onhand("start", "gateway", "--detach", SERVICE_DOES="gateway:fail")
    _, errors = start.communicate()
    assert errors.startswith("onhand: gateway ended with exit code 1 before it was ready: no luck today (log: /")
    assert (errors.count("\n"), start.returncode) == (1, 1)


def test_stop_says_that_nothing_runs(onhand: Onhand, home: Path) -> None:
    stop = onhand("stop")
    assert stop.communicate() == (f"nothing runs on {home}\n", "")
    assert stop.returncode == 0


def test_status_tells_what_is_down_by_its_exit_code(onhand: Onhand) -> None:
    status = onhand("status", REDIS_URL="redis://me:secret@127.0.0.1:1")
    out, _ = status.communicate()
    assert [line.split() for line in out.splitlines()][-1] == ["REDIS_URL", "down", "127.0.0.1:1"]
    assert status.returncode == 3


def test_migrate_runs_the_embedded_postgres_for_as_long_as_it_takes(onhand: Onhand, home: Path) -> None:
    first = onhand("migrate", "--json")
    assert json.loads(first.communicate()[0])["orders"][-1] == "0001_first.sql"
    assert not (home / "postgres" / ".s.PGSQL.5432").exists()
    second = onhand("migrate")
    assert second.communicate() == ("nothing to apply: every database is up to date\n", "")


def test_a_file_that_cannot_be_read_is_told_in_one_line(onhand: Onhand, home: Path) -> None:
    lock = make_home(home) / "run" / "gateway.lock"
    lock.mkdir()
    status = onhand("status")
    assert status.communicate() == ("", f"onhand: [Errno 21] Is a directory: '{lock}'\n")
    assert status.returncode == 1
