"""What is loaded: a fresh system, started as a user would, or one that runs already."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.cores import Cores
from benchmarks.wal import fill_wal
from onhand.cli.programs import READY_SECONDS, last_line_of
from onhand.cli.status import Component, status
from onhand.cli.system import Service, System
from onhand.common.errors import StartupError
from onhand.common.settings import Settings, load_settings

_STOP_SECONDS = 90.0
_POLL_SECONDS = 0.2


class Target(NamedTuple):
    """A system under load.

    Attributes:
        url: of its gateway.
        pids: of those of its components that run on this machine and are known, by name.
    """

    url: str
    redis_url: str
    orders_url: str
    inventory_url: str
    pids: Mapping[str, int]


@contextmanager
def fresh_system(cores: Cores | None = None, **settings_besides: str) -> Iterator[Target]:
    """Run `onhand start` on an empty home and free ports for the time of a block, with embedded servers.

    Its PostgreSQL has its WAL files already.

    Args:
        cores: which of them it has; None for all.
        settings_besides: environment variables for it, by name.

    Raises:
        StartupError: it ended, or did not get ready in time.
    """
    with TemporaryDirectory(prefix="onhand-bench-") as directory:
        settings = _fresh_settings(Path(directory) / "home")
        log = Path(directory) / "onhand.log"
        with _started(settings, log, settings_besides) as process:
            if cores:
                os.sched_setaffinity(process.pid, cores.system)  # what it starts later inherits them
            system = System(settings)
            components = _wait_until_ready(system, process, log)
            target = _target(system, system.service(Service.GATEWAY).address, components)
            fill_wal(target.orders_url)
            yield target


def running_system(url: str) -> Target:
    """Describe the system that runs already and whose settings are those of this directory and environment."""
    system = System(load_settings())
    return _target(system, url, status(system))


def _target(system: System, url: str, components: list[Component]) -> Target:
    databases = system.database_urls(list(Service))
    pids = {component.name: component.pid for component in components if component.pid is not None}
    return Target(url.rstrip("/"), system.redis_url, databases[Service.ORDERS], databases[Service.INVENTORY], pids)


def _fresh_settings(home: Path) -> Settings:
    gateway, orders, inventory = _free_ports(3)
    return Settings(
        onhand_home=home,
        gateway_port=gateway,
        orders_port=orders,
        inventory_port=inventory,
        host="127.0.0.1",
        redis_url="",
        orders_database_url="",
        inventory_database_url="",
    )


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:  # all are held at once, so that no port is given twice
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(opened.getsockname()[1]) for opened in sockets]


@contextmanager
def _started(settings: Settings, log: Path, besides: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run `onhand start`, deaf to the URLs in our own environment and `.env`: they may name a system with real data."""
    urls = {"REDIS_URL", "ORDERS_DATABASE_URL", "INVENTORY_DATABASE_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in urls}
    environment |= {
        **besides,
        "ONHAND_HOME": str(settings.onhand_home),
        "HOST": settings.host,
        "GATEWAY_PORT": str(settings.gateway_port),
        "ORDERS_PORT": str(settings.orders_port),
        "INVENTORY_PORT": str(settings.inventory_port),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "onhand.cli", "start"],
            cwd=log.parent,  # no .env here
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours: we stop it, once, in `finally`
        )
    try:
        yield process
    finally:
        _stop(process)


def _wait_until_ready(system: System, process: subprocess.Popen[bytes], log: Path) -> list[Component]:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        components = status(system)
        if all(component.state == "ready" for component in components):
            return components
        if process.poll() is not None:
            raise StartupError(f"`onhand start` ended: {last_line_of(log)}")
        if time.monotonic() > deadline:
            raise StartupError(f"`onhand start` is not ready after {READY_SECONDS:.0f} s: {last_line_of(log)}")
        time.sleep(_POLL_SECONDS)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # what it runs is told by the kernel to stop when it is gone
        process.wait()
