"""A second process of a service, beside the one that `onhand start` runs: on the same Redis and the same database."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.system import System, free_ports
from tests.e2e.waiting import eventually


class Replica:
    """The second replica of a service. Nobody but the test starts it again.

    Args:
        system: what it belongs to.
        service: which it is.
        settings: of its own, by name of environment variable.
    """

    def __init__(self, system: System, service: str, **settings: str) -> None:
        self._system = system
        self._service = service
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self._settings = {
            "ONHAND_REPLICA": "2",
            "REDIS_URL": system.redis_url,
            f"{service.upper()}_DATABASE_URL": system.database_url(service),
            f"{service.upper()}_PORT": str(port),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self._process = self._system.spawn(f"onhand.{self._service}", **self._settings)

    def is_ready(self) -> bool:
        """Whether it says so."""
        return self._system.says_it_is_ready(self.url)

    def has_ended(self) -> bool:
        """Whether it does not run any more."""
        return self._process is None or self._process.poll() is not None

    def wait(self) -> int | None:
        """Wait until it ends by itself; returns its exit code."""
        return self._process.wait(timeout=30) if self._process else None

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=30)

    def kill(self) -> None:
        """End it without a warning."""
        if self._process:
            self._process.kill()
            self._process.wait()


@contextmanager
def second_replicas(system: System, *services: str) -> Iterator[list[Replica]]:
    """Run a second replica of each service for the length of the block."""
    replicas = [Replica(system, service) for service in services]
    try:
        for replica in replicas:
            replica.start()
        eventually(lambda: all(replica.is_ready() for replica in replicas))
        yield replicas
    finally:
        for replica in replicas:
            replica.stop()
