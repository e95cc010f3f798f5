from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from redis import Redis

from tests.e2e.problems import problem
from tests.e2e.shared import new_system, shared_system
from tests.e2e.shop import new_id
from tests.e2e.system import System

StartSystem = Callable[..., System]


@pytest.fixture
def system() -> Iterator[System]:
    """A running system that other tests have used and will use."""
    with shared_system.lent() as running:
        yield running


@pytest.fixture
def product() -> str:
    """A product that no other test knows."""
    return new_id()


@pytest.fixture(scope="session", autouse=True)
def _shared_system_ends() -> Iterator[None]:
    yield
    shared_system.stop()


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
