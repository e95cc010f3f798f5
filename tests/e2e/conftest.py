from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from redis import Redis

from tests.e2e.problems import problem
from tests.e2e.system import System, new_system
from tests.e2e.verification import verify

StartSystem = Callable[..., System]


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """A running system for all tests of a module, which do it no harm."""
    with new_system() as system:
        system.start()
        yield system


@pytest.fixture(scope="module")
def verified(system: System) -> Iterator[None]:
    """Make sure that after all tests of a module everything holds that `onhand verify` checks."""
    yield
    code, verdict = verify(system)
    assert code == 0, [check["findings"] for check in verdict["checks"] if check["violations"]]


@pytest.fixture
def start_system() -> Iterator[StartSystem]:
    """Starts a system of the test's own, which it may kill; settings are given by name of environment variable."""
    with ExitStack() as stack:

        def start(*services: str, **settings: str) -> System:
            system = stack.enter_context(new_system(**settings))
            system.start(*services)
            return system

        yield start


@pytest.fixture
def nothing_changes(system: System) -> Iterator[None]:
    """Make sure that whatever a test sends, no command follows from it and the gateway goes on working."""
    with Redis.from_url(system.redis_url) as redis:

        def commands() -> list[int]:
            return [redis.xinfo_stream(key)["entries-added"] for key in sorted(redis.scan_iter("*.commands.*"))]

        before = commands()
        yield
        assert commands() == before
    problem(system.client.get("/api/gateway/stock/nobody-knows-it"), 404)
