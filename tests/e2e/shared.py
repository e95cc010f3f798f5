"""Systems for tests: one that they share, and one of their own.

A test has one or the other: both would use the Redis of REDIS_URL, if there is one.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.e2e.system import System, make_system
from tests.e2e.verification import verify


class SharedSystem:
    """One system for all tests that are not about how a system starts, ends or is set up.

    Where there is a REDIS_URL it makes room for one of a test's own, and is another one afterwards.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._system: System | None = None

    @contextmanager
    def lent(self) -> Iterator[System]:
        """The system, for the length of the block; it is started if it does not run."""
        with _alone():
            if self._system is None:
                self._system = self._stack.enter_context(make_system())
                self._system.start()
            yield self._system

    def make_room(self) -> None:
        """End if whoever comes next would use the same Redis."""
        if os.environ.get("REDIS_URL"):
            self.stop()

    def stop(self) -> None:
        """Make sure that everything holds that `onhand verify` checks, whatever tests have done, and end."""
        if self._system is None:
            return
        system, self._system = self._system, None
        with self._stack.pop_all():
            code, verdict = verify(system)
        assert code == 0, [check["findings"] for check in verdict["checks"] if check["violations"]]


shared_system = SharedSystem()


@contextmanager
def new_system(**settings: str) -> Iterator[System]:
    """Make a system, not yet started, and clean up after it."""
    with ExitStack() as stack:
        if "REDIS_URL" not in settings:
            stack.enter_context(_alone())
            shared_system.make_room()
        yield stack.enter_context(make_system(**settings))


_one_system = threading.Lock()


@contextmanager
def _alone() -> Iterator[None]:
    assert _one_system.acquire(blocking=False), "this test has two systems, which would share REDIS_URL"
    try:
        yield
    finally:
        _one_system.release()
