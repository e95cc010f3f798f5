"""Systems for tests: one that they share, and one of their own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.e2e.system import System, make_system
from tests.e2e.verification import verify


class SharedSystem:
    """One system for all tests that are not about how a system starts, ends or is set up.

    It makes room while a test has one of its own, because both would use the Redis of REDIS_URL, if there is one.
    Afterwards it is another one.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._system: System | None = None

    def running(self) -> System:
        """The system; it is started if it does not run."""
        if self._system is None:
            self._system = self._stack.enter_context(make_system())
            self._system.start()
        return self._system

    def stop(self) -> None:
        """Make sure that everything holds that `onhand verify` checks, whatever tests have done, and end."""
        if self._system is None:
            return
        code, verdict = verify(self._system)
        self._system = None
        self._stack.close()
        assert code == 0, [check["findings"] for check in verdict["checks"] if check["violations"]]


shared_system = SharedSystem()


@contextmanager
def new_system(**settings: str) -> Iterator[System]:
    """Make a system, not yet started, and clean up after it."""
    if "REDIS_URL" not in settings:
        shared_system.stop()
    with make_system(**settings) as system:
        yield system
