"""Redis forgets: everything, or what it was told lately."""

import shutil
import time
from pathlib import Path

from redis import Redis

from tests.failures.scenario import Run, Scenario


def flush(run: Run) -> None:
    """FLUSHALL, again and again."""
    for _ in run.rounds():
        run.load.go_on()
        with Redis.from_url(run.system.redis_url) as redis:
            redis.flushall()
        run.figures["flushes"] += 1
        time.sleep(run.random.uniform(0, 1))


def delete_files(run: Run) -> None:
    """SIGKILL Valkey and delete all that it has written, again and again."""
    for _ in run.rounds():
        run.load.go_on()
        _come_back_with(None, run)
        run.figures["deletions"] += 1


def restore_snapshot(run: Run) -> None:
    """SIGKILL Valkey and put its files of a while ago back: ids regress, and entries long done return."""
    oldest, newest = (run.system.directory / f"snapshot-{name}" for name in ("oldest", "newest"))
    _take_snapshot(oldest, run)
    taken_at = time.monotonic()

    def go_back(snapshot: Path) -> None:
        _come_back_with(snapshot, run)
        run.figures["snapshots"] += 1
        if snapshot is oldest:
            run.figures["seconds back at most"] = round(time.monotonic() - taken_at)

    for _ in run.rounds():
        _take_snapshot(newest, run)
        run.load.go_on(run.random.randint(20, 100))
        go_back(run.random.choice([oldest, newest]))
    if not run.is_short:
        go_back(oldest)


def _take_snapshot(to: Path, run: Run) -> None:
    """Copy Valkey's files while it stands still, so that they are those of one moment."""
    shutil.rmtree(to, ignore_errors=True)
    with run.system.paused("redis"):
        shutil.copytree(_files(run), to)


def _come_back_with(snapshot: Path | None, run: Run) -> None:
    """Kill Valkey and give it other files, or none, before anybody starts it again."""
    with run.system.kept_down("redis"):
        shutil.rmtree(_files(run))
        if snapshot:
            shutil.copytree(snapshot, _files(run))


def _files(run: Run) -> Path:
    return run.system.home / "redis" / "appendonlydir"


FLUSH = Scenario(number=3, name="flush", break_things=flush)
DELETE_FILES = Scenario(number=3, name="delete-files", break_things=delete_files)
SNAPSHOT = Scenario(number=4, name="snapshot", break_things=restore_snapshot, weight=2)
