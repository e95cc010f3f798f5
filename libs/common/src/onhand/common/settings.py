"""Settings from the environment and `.env`, checked once at start."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, create_model, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from onhand.common.errors import SettingsError
from onhand.common.failpoints import POINTS
from onhand.common.redis_urls import servers_in

Port = Annotated[int, Field(ge=1, le=65535)]


def _url(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if url and urlsplit(url).scheme not in schemes:
            raise ValueError(f"should be a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        try:
            for server in servers_in(url):
                _ = urlsplit(server).port
        except ValueError:  # its text may repeat what is a password
            raise ValueError("should have a number from 1 to 65535 as its port") from None
        return url

    return AfterValidator(check)


_OTHER = r"[a-z][a-z0-9_]{0,30}"
_OURS = {"gateway", "orders", "inventory"}
RedisUrl = Annotated[str, _url("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")]
PostgresUrl = Annotated[str, _url("postgresql", "postgres")]


class Settings(BaseSettings):
    """Every setting of every process, named as its environment variable in lower case.

    An empty URL means "not set": `onhand start` then starts an embedded server and passes its URL on.
    """

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    app_env: Literal["development", "production"] = "development"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    onhand_home: Path = Path(".onhand")
    onhand_replica: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "1"
    """Name of this replica among its peers; a consumer takes up its own unfinished work by it after a restart."""

    onhand_services: Annotated[str, Field(pattern=rf"^({_OTHER}(,{_OTHER})*)?$")] = ""
    """Services besides those that are part of onhand, as `name,name`. Each is a package of that name; its database is
    `<NAME>_DATABASE_URL`, or one in the embedded PostgreSQL."""

    onhand_failpoints: str = ""
    """Where a process is to die, once, as `service.point,...` (see failpoints.py); for tests, refused in production."""

    host: str = "127.0.0.1"
    gateway_port: Port = 3000
    orders_port: Port = 3001
    inventory_port: Port = 3002

    redis_url: RedisUrl = ""
    orders_database_url: PostgresUrl = ""
    inventory_database_url: PostgresUrl = ""

    stream_partitions: Annotated[int, Field(ge=1, le=256)] = 1
    """How many streams each topic has, the same in all processes; more than one only for a Redis Cluster."""
    reply_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """How long the gateway waits for a service's reply before it answers 504."""
    max_in_flight: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    """Requests the gateway holds open at once; one more is answered 503."""
    max_backlog: Annotated[int, Field(ge=1, le=100_000_000)] = 50_000
    """Messages that may wait for any service; while more do, the gateway answers 503 to new commands."""
    max_listeners: Annotated[int, Field(ge=0, le=1_000_000)] = 2000
    """Streams of events the gateway has open at once; one more is answered 503. They do not count as requests."""
    heartbeat_seconds: Annotated[float, Field(gt=0, le=3600)] = 15.0
    """After how long without an event a stream of events says that it is there."""
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Most messages a consumer takes into one transaction."""
    claim_idle_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Age at which a replica takes over what another was given and did not finish; more than any batch takes."""
    ask_again_seconds: Annotated[float, Field(gt=0, le=3600)] = 3.0
    """Age at which an order that is still pending has its OrderCreated published again."""
    drain_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    """How long a process may take to finish its work after SIGTERM."""
    restart_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Longest wait before `onhand start` starts again what has died."""

    @model_validator(mode="after")
    def _check_services(self) -> "Settings":
        if ours := _OURS.intersection(self.other_services):
            raise ValueError(f"ONHAND_SERVICES: {min(ours)} is a part of onhand already")
        return self

    @property
    def other_services(self) -> list[str]:
        """The names of the services besides those that are part of onhand."""
        return [name for name in dict.fromkeys(self.onhand_services.split(",")) if name]

    @model_validator(mode="after")
    def _check_failpoints(self) -> "Settings":
        if self.onhand_failpoints and self.app_env == "production":
            raise ValueError("ONHAND_FAILPOINTS: is for tests and not for production")
        known = {f"{service}.{point}" for service, points in POINTS.items() for point in points}
        unknown = {name.strip() for name in self.onhand_failpoints.split(",") if name.strip()} - known
        if unknown:
            raise ValueError(f"ONHAND_FAILPOINTS: there is no {min(unknown)}")
        return self


SettingsT = TypeVar("SettingsT", bound=Settings)


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        SettingsError: as `load` says.
    """
    return load(Settings)


def load(kind: type[SettingsT]) -> SettingsT:
    """Read the settings and those that a service has besides.

    Raises:
        SettingsError: one line that names each bad variable and what it should be. Values are not
            repeated: a URL may hold a password.
    """
    try:
        return kind()
    except ValidationError as error:
        problems = "; ".join(
            ": ".join(filter(None, (_name(problem["loc"]), problem["msg"].removeprefix("Value error, "))))
            for problem in error.errors()
        )
        raise SettingsError(f"{problems}. Mend it in the environment or in .env") from None


def database_urls(services: Sequence[str]) -> dict[str, str]:
    """The databases that are set for services, by name of service; empty for those that have none set.

    Raises:
        SettingsError: one is no URL.
    """
    if not services:
        return {}
    fields: dict[str, Any] = {f"{service}_database_url": (PostgresUrl, "") for service in services}
    found = load(create_model("DatabaseUrls", __base__=Settings, **fields))
    return {service: getattr(found, f"{service}_database_url") for service in services}


def _name(location: Sequence[int | str]) -> str:
    """Name of the variable that a problem is about; empty if it is about more than one."""
    return ".".join(map(str, location)).upper()
