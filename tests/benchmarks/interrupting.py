"""A benchmark that is stopped by Ctrl-C."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from tests.e2e.waiting import eventually

ROOT = Path(__file__).parents[2]


_RUN = """
import runpy, sys
from benchmarks import warm
from benchmarks.workloads import floors
warm._SECONDS = floors._WARM_UP_SECONDS = 1
sys.argv[:] = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""`python -m`, with less of a warm-up: nobody reads the figures."""


def interrupt(words: list[str], directory: Path, is_under_way: Callable[[psutil.Process], bool]) -> int:
    """Run a benchmark, press Ctrl-C once it is under way, and make sure that nothing it started is left.

    Args:
        words: what comes after `python -m`.
        directory: where it puts what it stores for a while.
        is_under_way: whether this one of the processes that it has started shows it.

    Returns:
        Its exit code.
    """
    running = subprocess.Popen(
        [sys.executable, "-c", _RUN, *words],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(directory)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    children: list[psutil.Process] = []

    def has_begun() -> bool:
        children[:] = psutil.Process(running.pid).children(recursive=True)
        with suppress(psutil.Error):  # one that has ended meanwhile
            return any(is_under_way(it) for it in children)
        return False

    try:
        eventually(has_begun, seconds=60)
        running.send_signal(signal.SIGINT)
        exit_code = running.wait(timeout=60)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []
        assert not list(directory.glob("onhand-bench-*")), "what was stored is gone, too"
    finally:
        running.kill()
        running.wait()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
    return exit_code
