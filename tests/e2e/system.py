"""The whole system as a person runs it: `onhand start`, as processes, on free ports, with a home of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest
from redis import Redis

from onhand.cli.local import EmbeddedServers
from onhand.common.settings import Settings
from tests.clusters import give_cluster
from tests.e2e.waiting import eventually

stops_redis = pytest.mark.skipif(bool(os.environ.get("REDIS_URL")), reason="the Redis of REDIS_URL is not ours to stop")
SERVICES = ("gateway", "orders", "inventory")
_IN_COMMAND_LINE = {
    "gateway": "onhand.gateway",
    "orders": "onhand.orders",
    "inventory": "onhand.inventory",
    "redis": "valkey-server",
    "postgres": "bin/postgres",
}


class System:
    """One home, three ports and the settings that go with them; to be started and stopped as often as wanted.

    Attributes:
        directory: a temporary place; every process works in it, by which those left running are found.
        home: its ONHAND_HOME.
        client: speaks HTTP, without TLS, to the gateway if no other service is named.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        self.directory = directory
        self.ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        self.home = directory / "home"
        self._embedded = EmbeddedServers(self.home)
        self._environment = _environment_without_settings() | {
            "ONHAND_HOME": str(self.home),
            **{f"{service.upper()}_PORT": str(port) for service, port in self.ports.items()},
            "ASK_AGAIN_SECONDS": "1",  # sooner than usual, for the tests to be quick
            **({"REDIS_URL": given} if (given := os.environ.get("REDIS_URL")) else {}),
            **settings,
        }
        self._children: list[subprocess.Popen[bytes]] = []
        self._killed: list[psutil.Process] = []
        # Room for all: with less, httpx closes connections as idle that another thread is just about to use.
        room = httpx.Limits(max_connections=100, max_keepalive_connections=100)
        url = self.url("gateway")
        self.client = httpx.Client(base_url=url, limits=room, timeout=15, trust_env=False, verify=False)  # noqa: S501

    @property
    def redis_url(self) -> str:
        """Where the messages are."""
        return self._environment.get("REDIS_URL") or self._embedded.redis_url

    def database_url(self, service: str) -> str:
        """Where a service keeps its data."""
        return self._environment.get(f"{service.upper()}_DATABASE_URL") or self._embedded.postgres_url(service)

    def url(self, service: str) -> str:
        """Where a service listens."""
        return f"http://127.0.0.1:{self.ports[service]}"

    def start(self, *services: str) -> None:
        """Type `onhand start` in a terminal of its own, and wait until the services (all, if none is named) work."""
        # Gone and not only ended: PostgreSQL takes the pid of a zombie in its lock file for a server that runs.
        psutil.wait_procs(self._killed, timeout=10)
        if "ORDERS_DATABASE_URL" not in self._environment:
            give_cluster(self.home)
        onhand = self.spawn("onhand.cli", "start", *services)
        eventually(lambda: self.is_ready(*services) or onhand.poll() is not None, seconds=60)
        assert onhand.poll() is None, self.log()

    def stop(self) -> int:
        """Press Ctrl-C and wait for the end; returns the exit code."""
        onhand = self._children.pop()
        onhand.send_signal(signal.SIGINT)
        return onhand.wait(timeout=30)

    def spawn(self, module: str, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Run a Python module without waiting for it."""
        with (self.directory / f"{module}.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.directory,
                env=self._environment | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._children.append(child)
        return child

    def run(self, module: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a Python module to its end."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.directory,
            env=self._environment | settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def log(self, module: str = "onhand.cli") -> str:
        """All that was written to the terminal of a module."""
        return (self.directory / f"{module}.log").read_text(errors="replace")

    def is_ready(self, *services: str) -> bool:
        """Whether the services (all, if none is named) say that they are ready."""
        return all(self.says_it_is_ready(self.url(service)) for service in services or SERVICES)

    def says_it_is_ready(self, url: str) -> bool:
        """Whether the service at a URL says that it is ready."""
        try:
            return self.client.get(f"{url}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def process(self, component: str) -> psutil.Process | None:
        """The process of a component; None while it is down."""
        for child in self._children:
            with suppress(psutil.NoSuchProcess):
                for process in psutil.Process(child.pid).children():
                    if _runs(process, component):
                        return process
        return None

    def pids(self, *components: str) -> dict[str, int]:
        """The processes of those of the components (the services, if none is named) that are up."""
        return {name: process.pid for name in components or SERVICES if (process := self.process(name))}

    def kill(self, component: str) -> None:
        """End a component without a warning, as `kill -9` or the kernel would; wait for it first if it is down."""
        eventually(lambda: self.kill_if_up(component))

    def kill_if_up(self, component: str) -> bool:
        """End a component without a warning; returns whether there was one to end."""
        process = self.process(component)
        if process is None:
            return False
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait()
            return True
        return False

    def kill_everything(self) -> None:
        """End every process at once, the supervisor first: nobody is left to tidy up."""
        for child in self._children:
            child.kill()
        self._killed = self.left_running()
        _kill(self._killed)
        self._reap()

    def restart(self, component: str) -> None:
        """End a component as a deployment does, by SIGTERM, and wait until it is started again and works."""
        process = eventually(lambda: self.process(component))
        process.terminate()
        process.wait(timeout=30)
        eventually(lambda: self.process(component) and self.is_ready())

    @contextmanager
    def paused(self, component: str) -> Iterator[None]:
        """Freeze a component for the length of the block, with its children: it is there and does nothing."""
        process = eventually(lambda: self.process(component))
        with ExitStack() as stack:
            for one in (process, *process.children(recursive=True)):
                stack.enter_context(_frozen(one))
            yield

    @contextmanager
    def kept_down(self, component: str) -> Iterator[None]:
        """Kill a component, and let nobody start it again before the end of the block."""
        process = eventually(lambda: self.process(component))
        with _frozen(psutil.Process(process.ppid())):
            process.kill()
            eventually(lambda: _has_ended(process))
            yield

    def left_running(self) -> list[psutil.Process]:
        """Every process that works in our directory."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def close(self) -> None:
        """Leave no process behind, whatever has happened."""
        self.client.close()
        for process in self.left_running():
            process.resume()
        with suppress(subprocess.TimeoutExpired):
            while self._children:
                self.stop()
        _kill(self.left_running())
        self._reap()

    def _reap(self) -> None:
        for child in self._children:
            child.wait()
        self._children.clear()

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.NoSuchProcess):
            if str(self.directory) in " ".join(process.cmdline()):
                return True
            with suppress(psutil.AccessDenied):  # of another user, and so not ours
                return Path(process.cwd()).is_relative_to(self.directory)
        return False


@contextmanager
def make_system(**settings: str) -> Iterator[System]:
    """Make a system, not yet started, and clean up after it.

    Its directory has a short name, because unix sockets live in it, and is not pytest's own, because PostgreSQL may
    run as another user and has to pass through. One whose Redis is not in its settings uses that of REDIS_URL, if there
    is one.
    """
    with tempfile.TemporaryDirectory(prefix="onhand-e2e-") as name, ExitStack() as stack:
        system = System(Path(name), settings)
        if "REDIS_URL" not in settings and (given := os.environ.get("REDIS_URL")):
            redis = stack.enter_context(Redis.from_url(given))
            if redis.dbsize():
                pytest.exit("REDIS_URL names a Redis that is not empty; the tests would delete it", returncode=2)
            stack.callback(redis.flushall)
        stack.callback(system.close)
        yield system


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


@contextmanager
def _frozen(process: psutil.Process) -> Iterator[None]:
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def _runs(process: psutil.Process, component: str) -> bool:
    try:
        return _IN_COMMAND_LINE[component] in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # ended since it was listed, or is a zombie
        return False


def _environment_without_settings() -> dict[str, str]:
    """The environment, without what would configure the system of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    eventually(lambda: all(map(_has_ended, processes)))


def _has_ended(process: psutil.Process) -> bool:
    """Whether a process does and holds nothing any more; its parent may take its time to hear of it."""
    with suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True
