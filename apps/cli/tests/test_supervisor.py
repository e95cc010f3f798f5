import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from onhand.cli.log import Log
from onhand.cli.programs import Program
from onhand.cli.run_state import Claim
from onhand.cli.supervisor import LONGEST_LINE, Supervised
from onhand.common.backoff import Backoff
from onhand.common.errors import StartupError

Supervise = Callable[[str, Callable[[], bool]], Supervised]

RUNS_ONCE = """
import pathlib, sys, time
with open('starts', 'a') as starts:
    starts.write('x')
if pathlib.Path('starts').stat().st_size > 1:
    sys.exit(7)
time.sleep(600)
"""


@pytest.fixture
def stream() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
async def supervise(tmp_path: Path, stream: io.BytesIO, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Supervise]:
    monkeypatch.chdir(tmp_path)

    made = []

    def make(code: str, is_ready: Callable[[], bool]) -> Supervised:
        program = Program(name="worker", command=(sys.executable, "-c", code), is_ready=is_ready, address="")
        quick = Backoff(first_seconds=0.01, cap_seconds=0.05)
        made.append(Supervised(program, Claim(tmp_path, "worker"), Log(stream, ("onhand", "worker")), quick))
        return made[-1]

    yield make
    for supervised in made:
        await supervised.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # what is awaited happens in another process
            await asyncio.sleep(0.01)


def kill_worker(run: Path) -> None:
    record = Claim(run, "worker").record()
    assert record
    assert record.process
    os.kill(record.process.pid, signal.SIGKILL)


async def test_a_program_that_dies_again_and_again_is_started_again_and_again(
    tmp_path: Path, stream: io.BytesIO, supervise: Supervise
) -> None:
    starts = tmp_path / "starts"
    worker = supervise(RUNS_ONCE, starts.exists)
    await worker.start()
    kill_worker(tmp_path)
    await until(lambda: starts.stat().st_size >= 4)
    await worker.stop()
    log = stream.getvalue()
    assert b"onhand | worker was killed by SIGKILL; starting it again in 0.0 s" in log
    assert log.count(b"onhand | worker ended with exit code 7; starting it again") >= 2


async def test_a_program_that_cannot_be_started_again_is_tried_again(
    tmp_path: Path, stream: io.BytesIO, supervise: Supervise
) -> None:
    worker = supervise("print('here', flush=True); import time; time.sleep(600)", lambda: b"here" in stream.getvalue())
    await worker.start()
    possible, worker.program = worker.program, replace(worker.program, command=("/no/such/program",))
    kill_worker(tmp_path)
    await until(lambda: b"worker cannot be started: " in stream.getvalue())
    worker.program = possible
    await until(lambda: stream.getvalue().count(b"| here") == 2)
    await worker.stop()


async def test_a_program_that_ends_before_it_is_ready_is_told_with_its_last_line(supervise: Supervise) -> None:
    worker = supervise("print('one\\ntwo'); raise SystemExit(3)", lambda: False)
    with pytest.raises(StartupError, match=r"^worker ended with exit code 3 before it was ready: two$"):
        await worker.start()
    await worker.stop()


async def test_a_line_without_end_comes_in_pieces_and_stops_nothing(stream: io.BytesIO, supervise: Supervise) -> None:
    code = (
        f"import sys, time; sys.stdout.write('a' * {3 * LONGEST_LINE} + '\\nend'); sys.stdout.flush(); time.sleep(600)"
    )
    worker = supervise(code, lambda: stream.getvalue().count(b"a") >= 3 * LONGEST_LINE)
    await worker.start()
    await worker.stop()
    assert stream.getvalue().endswith(b"worker | end\n")
    assert len(stream.getvalue().splitlines()) >= 3
