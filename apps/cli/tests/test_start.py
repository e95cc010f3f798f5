import signal
import socket
import subprocess
from collections.abc import Callable, Iterator

import psutil
import pytest

Onhand = Callable[..., "subprocess.Popen[str]"]


def read_until(process: "subprocess.Popen[str]", text: str) -> list[str]:
    """Read the log up to a line with a text."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if text in line:
            return lines
    raise AssertionError(f"ended without {text!r}: {lines} {process.communicate()}")


def children(process: "subprocess.Popen[str]") -> dict[str, psutil.Process]:
    """The programs an onhand runs, by the last word of their command line or their name."""
    return {child.cmdline()[-1].removeprefix("onhand."): child for child in psutil.Process(process.pid).children()}


@pytest.fixture
def some_redis() -> Iterator[str]:
    """The URL of something that can be connected to, so that a test needs no server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


def test_everything_starts_in_order_and_stops_in_the_opposite_order(onhand: Onhand) -> None:
    process = onhand("start")
    log = read_until(process, "/api/gateway/orders/ORDER_ID")
    running = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    position = {
        text: next(i for i, line in enumerate(log) if text in line)
        for text in ("database system is ready", "orders: applied", "gateway   | redis unix://", "Ready:")
    }
    assert sorted(position, key=position.__getitem__) == list(position)
    assert out.index("orders    | drained") < out.index("postgres  |")
    assert not [program for program in running if program.is_running()]
