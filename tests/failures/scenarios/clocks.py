"""Clocks that jump, as when somebody sets them: a day forward, a day back."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from redis import Redis

from tests.e2e.databases import read
from tests.e2e.system import System
from tests.e2e.waiting import eventually
from tests.failures.scenario import CannotRun, Run, Scenario

_LIBRARY = "*/faketime/libfaketimeMT.so.1"
_PARTS = {"gateway": "redis", "orders": "postgres", "inventory": "inventory"}
"""The services, and what each is the first to bring along."""
_RIGHT, _TOMORROW, _YESTERDAY = "+0", "+1d", "-1d"


class SystemWithClocks(System):
    """A system of three parts, each with a clock of its own: the gateway and Valkey, Orders and PostgreSQL, Inventory.

    Each part is an `onhand start` of its service, which runs the servers as well that are not there yet.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str], library: Path) -> None:
        super().__init__(directory, settings)
        self._library = library

    def start(self, *services: str) -> None:
        """Start the parts, one as soon as the server of the one before runs, with clocks that are right."""
        for service, brings in _PARTS.items():
            self.set_clock(service, _RIGHT)
            clock = {
                "LD_PRELOAD": str(self._library),
                "FAKETIME_TIMESTAMP_FILE": str(self._clock(service)),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # nobody can set that one
                "FAKETIME_DISABLE_SHM": "1",
            }
            self.spawn("onhand.cli", "start", service, **clock)
            eventually(lambda brings=brings: self.process(brings))  # type: ignore[misc]
        eventually(lambda: self.is_ready(*services), seconds=60)

    def set_clock(self, service: str, offset: str) -> None:
        """Set the clock of a service's part to the true time and so much."""
        unfinished = self._clock(service).with_suffix(".unfinished")
        unfinished.write_text(offset)
        unfinished.replace(self._clock(service))  # it is read all the time, and half of it is no time

    def _clock(self, service: str) -> Path:
        return self.directory / f"{service}.clock"


@contextmanager
def system_with_clocks(**settings: str) -> Iterator[SystemWithClocks]:
    """Make a system whose clocks can be set, not yet started, and clean up after it.

    Raises:
        CannotRun: there is no libfaketime.
    """
    library = next(Path("/usr/lib").glob(_LIBRARY), None)
    if library is None:
        raise CannotRun("no libfaketime is installed, by which clocks are set; it is a package of Debian and Ubuntu")
    with tempfile.TemporaryDirectory(prefix="onhand-e2e-") as name:
        system = SystemWithClocks(Path(name), settings, library)
        try:
            yield system
        finally:
            system.close()


def set_clocks(run: Run) -> None:
    """Set the clocks of Valkey, PostgreSQL and the services a day forward and back, and flush Valkey meanwhile."""
    assert isinstance(run.system, SystemWithClocks)
    system = run.system
    with Redis.from_url(system.redis_url) as redis:
        for number in run.rounds():
            for service in _PARTS:
                is_first = number == 1  # what is written tomorrow is the hardest to find again today
                offset = _TOMORROW if is_first else run.random.choice([_RIGHT, _TOMORROW, _YESTERDAY])
                system.set_clock(service, offset)
                run.figures["clocks set"] += 1
            assert number > 1 or _is_tomorrow(system, redis), "the clocks can be set"
            run.load.go_on(run.random.choice([10, 50]))
            with system.paused("inventory"):
                run.load.go_on(10)
                redis.flushall()
    for service in _PARTS:
        system.set_clock(service, _RIGHT)


def _is_tomorrow(system: System, redis: Redis) -> bool:
    (row,) = read(system, "orders", "SELECT extract(epoch FROM now()) AS now")
    return all(clock > time.time() + 80_000 for clock in (float(row["now"]), redis.time()[0]))


CLOCKS = Scenario(
    number=11, name="clocks", break_things=set_clocks, make_system=system_with_clocks, has_right_clocks=False
)
