"""A program to run as a child process: how it starts, when it is ready, how it stops."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from onhand.cli.accounts import Account, run_as
from onhand.common.errors import StartupError

READY_SECONDS = 60.0
POLL_SECONDS = 0.05
LONGEST_LAST_LINE = 1 << 16

Say = Callable[[str], None]
"""Tells the person at the terminal one thing in one line."""


def _nothing(_: Say) -> None:
    """Prepare nothing."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What is needed to run one program, without anything that happens while it runs.

    Attributes:
        prepare: makes what the program needs to find (directories, a new database cluster). Safe to call again.
        is_ready: whether the program answers now; may block for a second.
        address: where it answers, for people.
        account: whom it runs as; None for the user who runs `onhand`.
    """

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]
    address: str
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[Say], None] = _nothing
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    account: Account | None = None


def launch_options(program: Program) -> dict[str, Any]:
    """Return the keyword arguments for `Popen` or `create_subprocess_exec`, all but `stdout`.

    Every program leads its own session: Ctrl-C in the terminal then reaches `onhand` alone, which stops
    things in their order.
    """
    options: dict[str, Any] = {
        "env": {**os.environ, **program.environment},
        "stdin": subprocess.DEVNULL,
        "stderr": subprocess.STDOUT,
        "start_new_session": True,
        **run_as(program.account),
    }
    if sys.platform == "linux":
        options["preexec_fn"] = partial(_stop_when_parent_dies, ctypes.CDLL(None), os.getpid(), program.stop_signal)
    return options


def _stop_when_parent_dies(libc: ctypes.CDLL, parent: int, stop_signal: int) -> None:
    """Ask the kernel, in the new process, to stop it should the one that started it be killed."""
    pr_set_pdeathsig = 1
    libc.prctl(pr_set_pdeathsig, stop_signal)
    if os.getppid() != parent:  # it died before the request
        os._exit(1)


def how_it_ended(code: int) -> str:
    """Put a return code of a process into words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def ended_too_early(program: Program, code: int, last_line: str) -> StartupError:
    """Return the error for a program that ended before it was ready for the first time."""
    return StartupError(f"{program.name} {how_it_ended(code)} before it was ready: {last_line or 'it said nothing'}")


def not_ready_in_time(program: Program, last_line: str) -> StartupError:
    """Return the error for a program that runs but does not get ready."""
    return StartupError(f"{program.name} is not ready after {READY_SECONDS:.0f} s: {last_line or 'it said nothing'}")


@contextmanager
def running(program: Program, log: Path, say: Say) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the time of a block, its output going to a file.

    Raises:
        StartupError: it ended, or did not get ready in time.
    """
    program.prepare(say)
    with log.open("ab") as output:
        process = subprocess.Popen(program.command, stdout=output, **launch_options(program))  # noqa: S603
    try:
        _wait_until_ready(program, process, log)
        yield process
    finally:
        _stop(program, process)


def _wait_until_ready(program: Program, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not program.is_ready():
        if process.poll() is not None:
            raise ended_too_early(program, process.returncode, last_line_of(log))
        if time.monotonic() > deadline:
            raise not_ready_in_time(program, last_line_of(log))
        time.sleep(POLL_SECONDS)


def _stop(program: Program, process: subprocess.Popen[bytes]) -> None:
    process.send_signal(program.stop_signal)
    try:
        process.wait(program.stop_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def last_line_of(log: Path) -> str:
    """Return the last line of a log file, empty if there is none."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LONGEST_LAST_LINE))
        lines = file.read().decode(errors="replace").splitlines()
    return lines[-1] if lines else ""
