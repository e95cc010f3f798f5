"""The servers `onhand` brings along, for when no URL names others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onhand.cli.home import make_home
from onhand.cli.postgres import postgres, postgres_url
from onhand.cli.programs import Program, running
from onhand.cli.valkey import valkey, valkey_url


class EmbeddedServers:
    """Valkey and PostgreSQL, as programs to run, with their data under one home directory."""

    def __init__(self, home: Path) -> None:
        self._redis = home.absolute() / "redis"
        self._postgres = home.absolute() / "postgres"

    @property
    def redis_url(self) -> str:
        """URL of Valkey, for redis-py."""
        return valkey_url(self._redis)

    def postgres_url(self, database: str) -> str:
        """URL of one database, for asyncpg and dbmate. Migrating a database makes it."""
        return postgres_url(self._postgres, database)

    def redis(self) -> Program:
        """Return the program that serves `redis_url`."""
        return valkey(self._redis)

    def postgres(self) -> Program:
        """Return the program that serves every `postgres_url`."""
        return postgres(self._postgres)


@contextmanager
def embedded_servers(home: Path) -> Iterator[EmbeddedServers]:
    """Run Valkey and PostgreSQL for the time of a block, for tests and tools.

    Example:
        with embedded_servers(tmp_path) as servers:
            migrate(servers.postgres_url("orders"), ["onhand.common", "onhand.orders"])
    """
    home = make_home(home)
    servers = EmbeddedServers(home)
    with (
        running(servers.redis(), home / "logs" / "redis.log", _silence),
        running(servers.postgres(), home / "logs" / "postgres.log", _silence),
    ):
        yield servers


def _silence(_: str) -> None:
    """Say nothing."""
