"""The system on one machine: its three services, what each needs, and the programs that are run for them."""

import http.client
import sys
from collections.abc import Collection
from enum import StrEnum

from onhand.cli.local import EmbeddedServers
from onhand.cli.programs import Program
from onhand.common.settings import Settings, database_urls

STOP_MARGIN_SECONDS = 2.0
"""What a service that drains for as long as it may has left to end before it is killed."""


class Service(StrEnum):
    """A service, named as its package, its settings and its database are."""

    GATEWAY = "gateway"
    ORDERS = "orders"
    INVENTORY = "inventory"


COMPONENTS = (*Service, "postgres", "redis")
"""Everything that can run on one ONHAND_HOME."""


class System:
    """What the settings make of the system: its URLs and its programs."""

    def __init__(self, settings: Settings) -> None:
        self.home = settings.onhand_home.absolute()
        self.restart_seconds = settings.restart_seconds
        self.partitions = settings.stream_partitions
        self._settings = settings
        self.embedded = EmbeddedServers(self.home)
        self._ports = {
            Service.GATEWAY: settings.gateway_port,
            Service.ORDERS: settings.orders_port,
            Service.INVENTORY: settings.inventory_port,
        }
        self.other_services = settings.other_services
        self._configured_databases: dict[str, str] = {
            Service.ORDERS: settings.orders_database_url,
            Service.INVENTORY: settings.inventory_database_url,
            **database_urls(settings.other_services),
        }

    @property
    def owners(self) -> list[str]:
        """Every service that has a database, our own first."""
        return list(self._configured_databases)

    @property
    def redis_url(self) -> str:
        """The Redis in use, configured or embedded."""
        return self._settings.redis_url or self.embedded.redis_url

    def database_urls(self, services: Collection[str]) -> dict[str, str]:
        """The databases of those of the services that have one, by service, configured or embedded."""
        return {
            service: url or self.embedded.postgres_url(service)
            for service, url in self._configured_databases.items()
            if service in services
        }

    def configured_urls(self, services: Collection[str]) -> dict[str, str]:
        """The servers these services need that are configured: URL by name of setting."""
        urls = {"REDIS_URL": self._settings.redis_url}
        urls |= {database_setting(s): url for s, url in self._configured_databases.items() if s in services}
        return {setting: url for setting, url in urls.items() if url}

    def servers(self, services: Collection[str]) -> list[Program]:
        """The embedded servers these services need."""
        redis = [] if self._settings.redis_url else [self.embedded.redis()]
        return redis + self.database_servers(services)

    def database_servers(self, services: Collection[str]) -> list[Program]:
        """The embedded PostgreSQL, if one of these services has its database there."""
        embedded = any(not url for service, url in self._configured_databases.items() if service in services)
        return [self.embedded.postgres()] if embedded else []

    def address(self, service: Service) -> tuple[str, int]:
        """The host and port a service listens on."""
        return self._settings.host, self._ports[service]

    def service(self, service: Service) -> Program:
        """The program of a service."""
        host, port = self.address(service)
        reachable = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104  # listens everywhere, asked here
        return Program(
            name=service,
            command=(sys.executable, "-m", f"onhand.{service}"),
            environment=self._environment(),
            is_ready=lambda: _says_it_is_ready(reachable, port),
            address=f"http://{reachable}:{port}",
            stop_seconds=self._settings.drain_seconds + STOP_MARGIN_SECONDS,
        )

    def _environment(self) -> dict[str, str]:
        return {
            "REDIS_URL": self.redis_url,
            **{database_setting(service): url for service, url in self.database_urls(list(Service)).items()},
            **{f"{service.upper()}_PORT": str(port) for service, port in self._ports.items()},
            "PYTHONUNBUFFERED": "1",  # a line belongs in the log when it is written, not when a buffer is full
        }


def database_setting(service: str) -> str:
    """Name of the setting that names the database of a service."""
    return f"{service.upper()}_DATABASE_URL"


def _says_it_is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=3)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
