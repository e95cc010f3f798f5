"""Fixtures for all tests: real servers, a database of its own for each test, an empty Redis for each test."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psutil
import pytest
import redis
from hypothesis import settings

from onhand.cli.local import EmbeddedServers, embedded_servers
from onhand.common.database import Database
from onhand.common.messaging.streams import Streams, open_streams
from tests.databases import Databases
from tests.e2e.shared import shared_system

# `make test` takes the same ways every time, so that it fails for a change and for nothing else. To look further:
# make test ARGS="--hypothesis-profile=long -k model"
settings.register_profile(
    "short", derandomize=True, print_blob=True, deadline=None, max_examples=60, stateful_step_count=12
)
settings.register_profile("long", print_blob=True, deadline=None, max_examples=1000, stateful_step_count=50)
settings.load_profile("short")

_PLENTY_BYTES = 8 * 1024**3


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests be asked for that install packages first."""
    parser.addoption("--peers", action="store_true", help="Run tests/benchmarks/test_peers.py as a whole.")


def pytest_configure() -> None:
    """Keep what servers write in memory, where there is plenty of it: tests wait for a disk more than for anything."""
    memory = Path("/dev/shm")  # noqa: S108  # as a place for directories with names of their own
    if memory.is_dir() and min(shutil.disk_usage(memory).free, psutil.virtual_memory().available) > _PLENTY_BYTES:
        tempfile.tempdir = str(memory)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left alone with one of them at the end.

    Workers take files in this order by `--no-loadscope-reorder`.
    """
    begun_first = (
        "test_scenarios.py",
        "test_transport_model.py",
        "test_restarts.py",
        "test_workloads.py",
    )
    items.sort(
        key=lambda item: begun_first.index(name) if (name := item.path.name) in begun_first else len(begun_first)
    )


class Servers(NamedTuple):
    """Where the servers of this test session listen."""

    redis_url: str
    embedded: EmbeddedServers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL from the wheel; Redis by REDIS_URL if it is set and empty, else Valkey from the wheel."""
    # Not below pytest's own directory: another pytest that starts would close that to the user PostgreSQL runs as.
    with TemporaryDirectory(prefix="onhand-") as home, embedded_servers(Path(home)) as embedded:
        given = os.environ.get("REDIS_URL", "")
        shared_system.make_room()
        if given and redis.Redis.from_url(given).dbsize():
            pytest.exit("REDIS_URL names a Redis that is not empty; the tests would delete what is in it", returncode=2)
        yield Servers(given or embedded.redis_url, embedded)


@pytest.fixture(scope="session")
def databases(servers: Servers) -> Databases:
    """What each test's databases come from."""
    return Databases(servers.embedded)


@pytest.fixture
def redis_url(servers: Servers) -> Iterator[str]:
    """An empty Redis, and empty again afterwards."""
    shared_system.make_room()
    yield servers.redis_url
    with redis.Redis.from_url(servers.redis_url) as client:
        client.config_set("maxmemory", 0)
        client.flushall()


@pytest.fixture
async def streams(redis_url: str) -> AsyncIterator[Streams]:
    """Connected to the empty Redis."""
    async with open_streams(redis_url) as opened:
        yield opened


@pytest.fixture
async def orders_database(databases: Databases) -> AsyncIterator[Database]:
    """A database with the tables of Orders and nothing in them."""
    async with databases.lend("orders") as database:
        yield database


@pytest.fixture
async def inventory_database(databases: Databases) -> AsyncIterator[Database]:
    """A database with the tables of Inventory and nothing in them."""
    async with databases.lend("inventory") as database:
        yield database


@pytest.fixture
async def loop() -> asyncio.AbstractEventLoop:
    """The loop that this test's databases are bound to, for a test that is no coroutine itself."""
    return asyncio.get_running_loop()
