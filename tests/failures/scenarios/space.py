"""Servers that have no room left: on disk, or in memory."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import asyncpg
from redis import Redis

from onhand.cli.home import make_home
from onhand.cli.system import COMPONENTS
from tests.e2e.databases import read
from tests.e2e.system import System
from tests.e2e.waiting import eventually
from tests.failures.scenario import CannotRun, Run, Scenario

_DISKS = {"postgres": "256m", "redis": "32m"}
"""The servers' directories, and how big a disk each gets: for PostgreSQL, a new cluster and a little more."""
_WAYS = {
    "full disks of redis": ("redis", False),
    "full disks of postgres": ("postgres", False),
    "full disks of postgres at a new file of its log": ("postgres", True),
}
"""What there is to fill, as the figures call it: whose disk, and whether another file is needed on it meanwhile."""


@contextmanager
def system_on_small_disks(**settings: str) -> Iterator[System]:
    """Make a system, not yet started, each of whose servers has a small disk of its own; and clean up after it.

    Raises:
        CannotRun: only root may mount a disk, and not everywhere.
    """
    with tempfile.TemporaryDirectory(prefix="onhand-e2e-") as name, ExitStack() as stack:
        home = make_home(Path(name) / "home")
        for server, size in _DISKS.items():
            stack.enter_context(_disk(home / server, size))
        system = System(Path(name), settings)
        stack.callback(system.close)
        yield system


@contextmanager
def _disk(place: Path, size: str) -> Iterator[None]:
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        raise CannotRun("only root may mount the small disk that is to be filled")
    command = [mount, "-t", "tmpfs", "-o", f"size={size}", "onhand-e2e", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotRun(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)  # noqa: S607  # beside mount; in time, if it is still in use


def fill_disks(run: Run) -> None:
    """Fill the disk of PostgreSQL or of Valkey until orders are no longer taken, and delete what filled it."""
    before = run.system.pids()
    ways = list(_WAYS)
    run.random.shuffle(ways)
    for number in run.rounds():
        for way in ways if number == 1 else [run.random.choice(ways)]:  # none is left out, however short the time
            _fill_disk(run, way)
    assert run.system.pids() == before, "a server may end for lack of room; a service waits"


def _fill_disk(run: Run, way: str) -> None:
    server, needs_more = _WAYS[way]
    with _filled(run.system.directory / "home" / server / "filler"):
        if needs_more:
            _need_another_file(run.system)
        _wait_until_refused(run)
        time.sleep(run.random.uniform(0, min(5, run.seconds / 4)))
    run.figures[way] += 1
    run.load.go_on()


def fill_memory(run: Run) -> None:
    """Let Valkey run into its limit of memory until orders are no longer taken, and lift the limit."""
    before = run.system.pids(*COMPONENTS)
    with Redis.from_url(run.system.redis_url) as redis:
        for _ in run.rounds():
            used = redis.info("memory")["used_memory"]
            redis.config_set("maxmemory", run.random.choice([used, 1]))  # now and then there is room, or never
            try:
                _wait_until_refused(run)
                time.sleep(run.random.uniform(0, min(5, run.seconds / 4)))
            finally:
                redis.config_set("maxmemory", 0)
            run.figures["times out of memory"] += 1
            run.load.go_on()
    assert run.system.pids(*COMPONENTS) == before, "nobody had to be started again"


def _wait_until_refused(run: Run) -> None:
    def refused() -> int:
        return run.load.answers[503] + run.load.answers[504]

    before = refused()
    eventually(lambda: refused() > before)


@contextmanager
def _filled(filler: Path) -> Iterator[None]:
    """Leave no room on a disk for the length of the block."""
    with filler.open("wb") as file:
        while room := os.statvfs(filler).f_bfree * os.statvfs(filler).f_frsize:
            with suppress(OSError):  # a server has just taken some of it
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room)
    try:
        yield
    finally:
        filler.unlink()


def _need_another_file(system: System) -> None:
    """Have PostgreSQL begin new files for its log until it has no room for one, which ends it."""
    with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        for _ in range(100):
            read(system, "orders", "SELECT pg_switch_wal()")


FULL_DISKS = Scenario(number=10, name="full-disks", break_things=fill_disks, make_system=system_on_small_disks)
FULL_MEMORY = Scenario(number=10, name="full-memory", break_things=fill_memory)
