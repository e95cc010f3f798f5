"""Runs the programs of a peer, with servers of its own: the same Valkey and PostgreSQL, set as ours are."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import asyncpg

from benchmarks.basket import ONE_PRODUCT
from benchmarks.requests import PATH
from benchmarks.wal import fill_wal
from onhand.cli.home import make_home
from onhand.cli.local import EmbeddedServers
from onhand.cli.programs import Program, running

_ASK_SECONDS = 3.0


class Host(NamedTuple):
    """Where a peer runs.

    Attributes:
        logs: directory for what its programs say.
        port: a free one, for its HTTP.
        pids: of what runs already, by name.
    """

    servers: EmbeddedServers
    logs: Path
    port: int
    pids: dict[str, int]

    @property
    def url(self) -> str:
        """Where the peer takes orders."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def run(self, programs: Sequence[Program]) -> Iterator[None]:
        """Run programs one after the other, each when the one before is ready, for the time of a block."""
        with ExitStack() as stack:
            for program in programs:
                log = self.logs / f"{program.name}.log"
                self.pids[program.name] = stack.enter_context(running(program, log, _silence)).pid
            yield


@contextmanager
def host(*, has_redis: bool, has_postgres: bool) -> Iterator[Host]:
    """Give a peer empty servers, those that it needs, for the time of a block."""
    with TemporaryDirectory(prefix="onhand-bench-") as directory:
        home = make_home(Path(directory) / "home")
        servers = EmbeddedServers(home)
        its = Host(servers, home / "logs", free_port(), {})
        wanted = [servers.redis()] * has_redis + [servers.postgres()] * has_postgres
        try:
            with its.run(wanted):
                if has_postgres:
                    fill_wal(servers.postgres_url("postgres"))
                yield its
        finally:
            servers.delete_sockets()


def takes_orders(port: int) -> Callable[[], bool]:
    """Return a check whether an order is answered 201, which it is when all of a peer is there."""

    def check() -> bool:
        with (
            suppress(OSError, HTTPException),
            closing(HTTPConnection("127.0.0.1", port, timeout=_ASK_SECONDS)) as connection,
        ):
            connection.request("POST", PATH, ONE_PRODUCT.bodies[0], {"Content-Type": "application/json"})
            return connection.getresponse().status == 201
        return False

    return check


async def make_database(servers: EmbeddedServers, name: str) -> str:
    """Make an empty database and return its URL."""
    connection: Any = await asyncpg.connect(servers.postgres_url("postgres"))
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return servers.postgres_url(name)


def free_port() -> int:
    """A port of the loopback address that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return int(opened.getsockname()[1])


def _silence(_: str) -> None:
    """Say nothing."""
