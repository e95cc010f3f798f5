"""The servers `onhand` brings along, for when no URL names others."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onhand.cli import postgres, valkey
from onhand.cli.home import make_home
from onhand.cli.programs import Program, running
from onhand.cli.sockets import socket_directory


class EmbeddedServers:
    """Valkey and PostgreSQL, as programs to run, with their data under one home directory."""

    def __init__(self, home: Path) -> None:
        self._redis = home.absolute() / "redis"
        self._postgres = home.absolute() / "postgres"

    @property
    def redis_url(self) -> str:
        """URL of Valkey, for redis-py."""
        return valkey.url(self._redis)

    def postgres_url(self, database: str) -> str:
        """URL of one database, for asyncpg and dbmate. Migrating a database makes it."""
        return postgres.url(self._postgres, database)

    def delete_sockets(self) -> None:
        """Delete the directories that were made elsewhere because the home's path is too long."""
        for data, socket_name in ((self._redis, valkey.SOCKET), (self._postgres, postgres.SOCKET)):
            if (sockets := socket_directory(data, socket_name)) != data:
                shutil.rmtree(sockets, ignore_errors=True)

    def redis(self) -> Program:
        """Return the program that serves `redis_url`."""
        return valkey.program(self._redis)

    def postgres(self) -> Program:
        """Return the program that serves every `postgres_url`."""
        return postgres.program(self._postgres)


@contextmanager
def embedded_servers(home: Path) -> Iterator[EmbeddedServers]:
    """Run Valkey and PostgreSQL for the time of a block, for tests and tools.

    Example:
        with embedded_servers(tmp_path) as servers:
            migrate(servers.postgres_url("orders"), ["onhand.common", "onhand.orders"])
    """
    home = make_home(home)
    servers = EmbeddedServers(home)
    try:
        with (
            running(servers.redis(), home / "logs" / "redis.log", _silence),
            running(servers.postgres(), home / "logs" / "postgres.log", _silence),
        ):
            yield servers
    finally:
        servers.delete_sockets()


def _silence(_: str) -> None:
    """Say nothing."""
