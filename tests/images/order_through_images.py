"""Runs the images on a PostgreSQL and a Valkey that listen on TCP, as compose.yaml does, and takes an order through.

deploy/check-images.sh runs it, when it has built the images.
"""
# ruff: noqa: T201  # a program, which tells what it finds

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import psutil

from onhand.cli import postgres, valkey
from onhand.cli.home import make_home
from onhand.cli.programs import running
from tests.e2e.system import free_ports
from tests.e2e.waiting import eventually

SERVICES = ("gateway", "orders", "inventory")
USER = 10001


class Container:
    """A container made of one of our images, which may run several times."""

    def __init__(self, image: str, environment: Mapping[str, str], log: Path) -> None:
        self.image = image
        self.log = log
        self._id = _buildah("from", "--pull=never", f"localhost/onhand/{image}")
        self._options = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        config = json.loads(_buildah("inspect", self._id))["Docker"]["config"]
        self._command = [*config["Entrypoint"], *config["Cmd"]]
        self._healthcheck = ["sh", "-c", config["Healthcheck"]["Test"][1]] if "Healthcheck" in config else []

    def start(self) -> subprocess.Popen[bytes]:
        """Run what the image is there for."""
        with self.log.open("wb") as log:
            return subprocess.Popen(self._run(self._command), stdout=log, stderr=log)

    def is_healthy(self) -> bool:
        """Whether the image's HEALTHCHECK says so."""
        return subprocess.run(self._run(self._healthcheck), check=False, capture_output=True).returncode == 0

    def remove(self) -> None:
        """Delete it."""
        _buildah("rm", self._id)

    def _run(self, command: list[str]) -> list[str]:
        return ["buildah", "run", *self._options, self._id, "--", *command]


def _buildah(*arguments: str) -> str:
    command = ["buildah", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@contextmanager
def servers_on_tcp(home: Path) -> Iterator[dict[str, str]]:
    """Run PostgreSQL and Valkey on free ports of the loopback address; yields the settings that lead there."""
    redis_port, postgres_port = free_ports(2)
    at = f"postgresql://postgres@127.0.0.1:{postgres_port}"
    redis = valkey.program(home / "redis")
    redis = replace(redis, command=(*redis.command, "--bind", "127.0.0.1", "--port", str(redis_port)))
    database = postgres.program(home / "postgres")
    database = replace(
        database,
        command=(*database.command, "-c", "listen_addresses=127.0.0.1", "-c", f"port={postgres_port}"),
        is_ready=lambda: postgres.accepts_connections(f"{at}/postgres"),
    )
    logs = home / "logs"
    with running(redis, logs / "redis.log", print), running(database, logs / "postgres.log", print):
        yield {
            "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            **{f"{name.upper()}_DATABASE_URL": f"{at}/{name}?sslmode=disable" for name in ("orders", "inventory")},
        }


@contextmanager
def container(image: str, environment: Mapping[str, str], home: Path) -> Iterator[Container]:
    """Make a container for the time of a block."""
    made = Container(image, environment, home / "logs" / f"{image}.log")
    try:
        yield made
    finally:
        made.remove()


def migrate(settings: Mapping[str, str], home: Path) -> None:
    """Migrate, as compose.yaml does before it starts a service; and again, when there is nothing left to do."""
    with container("cli", settings, home) as cli:
        for expected in ("orders: applied", "nothing to apply"):
            code = cli.start().wait(120)
            assert code == 0, cli.log.read_text()
            assert expected in cli.log.read_text()
            print(f"cli: {cli.log.read_text().strip()}")


@contextmanager
def service(name: str, settings: Mapping[str, str], home: Path) -> Iterator[None]:
    """Run a service for the time of a block, and make sure that it is healthy, is not root, and drains on SIGTERM."""
    with container(name, settings, home) as made:
        assert not made.is_healthy(), f"{name} is healthy before it runs"
        run = made.start()
        try:
            eventually(lambda: made.is_healthy() or run.poll() is not None, seconds=60)
            process = _inside(run, ["-m", f"onhand.{name}"])
            assert process.uids().real == USER
            print(f"{name}: healthy, as user {USER}")
            yield
            process.terminate()
            assert run.wait(15) == 0
            events = [json.loads(line)["event"] for line in made.log.read_text().splitlines()]
            assert "draining" in events
            assert events[-1] == "stopped"
            print(f"{name}: {', '.join(events)}; exit code 0")
        except BaseException:
            print(made.log.read_text())
            raise
        finally:
            _kill(run)


def _inside(run: subprocess.Popen[bytes], arguments: list[str]) -> psutil.Process:
    (found,) = (child for child in psutil.Process(run.pid).children(recursive=True) if child.cmdline()[1:] == arguments)
    return found


def _kill(run: subprocess.Popen[bytes]) -> None:
    if run.poll() is None:
        for process in psutil.Process(run.pid).children(recursive=True):
            process.kill()
        run.wait(15)


def order(gateway: str) -> None:
    """Take an order from POST to confirmed, and see its units reserved."""
    with httpx.Client(base_url=f"{gateway}/api/gateway", timeout=15, trust_env=False) as client:
        client.put("/stock/123", json={"onHand": 10}).raise_for_status()
        body = {"productId": "123", "quantity": 5, "customerId": "cust-456"}
        created = client.post("/orders", json=body).raise_for_status().json()
        print(f"POST /api/gateway/orders: {created}")

        def decided() -> dict[str, object] | None:
            found: dict[str, object] = client.get(f"/orders/{created['orderId']}").raise_for_status().json()
            return None if found["status"] == "pending" else found

        details = eventually(decided)
        print(f"GET /api/gateway/orders/{created['orderId']}: {details}")
        assert details["status"] == "confirmed"
        stock = client.get("/stock/123").raise_for_status().json()
        print(f"GET /api/gateway/stock/123: {stock}")
        assert (stock["onHand"], stock["reserved"], stock["available"]) == (10, 5, 5)


def main() -> None:
    """Run it all."""
    with tempfile.TemporaryDirectory(prefix="onhand-images-") as directory, ExitStack() as stack:
        home = make_home(Path(directory) / "home")
        Path(directory).chmod(0o711)  # PostgreSQL may run as another user and has to pass through
        settings = stack.enter_context(servers_on_tcp(home))
        migrate(settings, home)
        ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        for name in SERVICES:
            stack.enter_context(service(name, settings | {f"{name.upper()}_PORT": str(ports[name])}, home))
        order(f"http://127.0.0.1:{ports['gateway']}")


if __name__ == "__main__":
    main()
