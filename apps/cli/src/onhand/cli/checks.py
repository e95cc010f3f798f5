"""What is looked at before anything is started, so that a problem is told in one line and leaves nothing behind."""

import asyncio
import errno
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import psutil

from onhand.cli.postgres import accepts_connections
from onhand.cli.programs import Program
from onhand.common.errors import StartupError, Unavailable
from onhand.common.messaging.streams import open_streams
from onhand.common.redis_urls import servers_in
from onhand.common.retry import is_transient

_GREETING_SECONDS = 2.0


def check_ports(addresses: Mapping[str, tuple[str, int]]) -> None:
    """Make sure that each service, by name, could listen on its host and port.

    Raises:
        StartupError: one could not.
    """
    taken: dict[int, str] = {}
    for service, (host, port) in addresses.items():
        setting = f"{service.upper()}_PORT"
        if other := taken.get(port):
            raise StartupError(f"port {port} is set for both {other} and {service}: set {setting} to another")
        taken[port] = service
        try:
            socket.create_server((host, port)).close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartupError(
                    f"port {port} ({service}) is in use by {_user_of(port)}: stop it or set {setting}"
                ) from None
            raise StartupError(
                f"{service} cannot listen on {host}:{port}: {error.strerror}. Set HOST or {setting}"
            ) from None


def check_servers(urls: Mapping[str, str]) -> None:
    """Make sure that something answers at each configured URL, by name of setting; a Redis has to let us in.

    Raises:
        StartupError: nothing does, or it is no Redis, or one that does not.
    """
    for setting, url in urls.items():
        if not answers(setting, url):
            kind = _kind(setting)
            raise StartupError(
                f"{setting}: no {kind} answers at {where(url)}: start it, mend {setting}, "
                f"or leave it unset to use the embedded {kind}"
            )
    if redis_url := urls.get("REDIS_URL"):
        asyncio.run(_greet(redis_url))


def check_running(programs: Iterable[Program], home: Path) -> None:
    """Make sure that embedded servers run on a home.

    Raises:
        StartupError: one does not.
    """
    for program in programs:
        if not program.is_ready():
            raise StartupError(f"{program.name} does not run on {home}: `onhand start` starts it")


@contextmanager
def told_when_away(what: str) -> Iterator[None]:
    """Say what could not be done if a server goes away during the block.

    Raises:
        Unavailable: one did.
    """
    try:
        yield
    except Exception as error:
        if not is_transient(error):
            raise
        raise Unavailable(f"{what}, a server went away: {str(error) or type(error).__name__}") from error


def answers(setting: str, url: str) -> bool:
    """Whether the server that a setting names can be reached."""
    return _redis_answers(url) if _kind(setting) == "Redis" else accepts_connections(_without_secrets(url))


async def _greet(redis_url: str) -> None:
    with suppress(TimeoutError):  # only what is said can be wrong: who is slow is waited for by those that need it
        async with asyncio.timeout(_GREETING_SECONDS), open_streams(redis_url):
            pass


def _kind(setting: str) -> str:
    return "Redis" if setting == "REDIS_URL" else "PostgreSQL"


def where(url: str) -> str:
    """Say where a URL leads; never the password, however oddly the URL is written."""
    address, _, query = url.partition("?")
    if "@" in query or address.count("@") > 1:
        return "the address it names"  # which cannot be told apart from a password that is not quoted
    return parse_qs(query).get("host", [""])[0] + address.rpartition("://")[2].rpartition("@")[2]


def _redis_answers(url: str) -> bool:
    """Whether a server answers; of a cluster, any of those that are named."""
    return any(map(_listens, servers_in(url)))


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        if parts.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(3)
                connection.connect(unquote(parts.path))
        else:
            socket.create_connection((parts.hostname or "localhost", parts.port or 6379), timeout=3).close()
    except (OSError, ValueError):  # ValueError: a port that is no number
        return False
    return True


def _without_secrets(url: str) -> str:
    """Keep what leads to the server: a command line shows the rest to every user of the machine."""
    parts = urlsplit(url)
    query = {name: values for name, values in parse_qs(parts.query).items() if name in {"host", "port"}}
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}?{urlencode(query, doseq=True)}"


def _user_of(port: int) -> str:
    with suppress(psutil.Error):  # other users' processes may be hidden from us
        for connection in psutil.net_connections(kind="tcp"):
            if (
                connection.laddr
                and connection.laddr.port == port
                and connection.status == psutil.CONN_LISTEN
                and connection.pid
            ):
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another program"
