"""What the gateway says while something it needs is away, and that all goes on by itself when that is back."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from onhand.cli.home import make_home
from onhand.cli.local import EmbeddedServers
from onhand.cli.programs import Program, running
from tests.e2e.books import check_books
from tests.e2e.conftest import StartSystem
from tests.e2e.problems import problem
from tests.e2e.system import SERVICES, System
from tests.e2e.traffic import order, place_order, set_stock, settled, traffic
from tests.e2e.waiting import eventually

SOON = {"REPLY_TIMEOUT_SECONDS": "1", "ASK_AGAIN_SECONDS": "1"}


class Server:
    """A Redis or PostgreSQL that is not the system's own, so that nobody starts it again but the test."""

    def __init__(self, program: Program, directory: Path) -> None:
        self._program = program
        self._log = make_home(directory) / "logs" / program.name
        self._running = ExitStack()

    def start(self) -> None:
        self._running.enter_context(running(self._program, self._log, lambda _: None))

    def stop(self) -> None:
        self._running.close()


@pytest.fixture
def home_of_servers() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="onhand-servers-") as directory:
        yield Path(directory) / "home"


@pytest.fixture
def redis(home_of_servers: Path) -> Iterator[Server]:
    server = Server(EmbeddedServers(home_of_servers).redis(), home_of_servers)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgres(home_of_servers: Path) -> Iterator[Server]:
    server = Server(EmbeddedServers(home_of_servers).postgres(), home_of_servers)
    server.start()
    yield server
    server.stop()


def is_refused_at_once(system: System) -> bool:
    """Whether an order is answered 503, so quickly that nothing can have been waited for."""
    began = time.monotonic()
    response = order(system, "tea")
    if response.status_code != 503:
        return False
    assert time.monotonic() - began < 0.5
    problem(response, 503)
    assert int(response.headers["retry-after"]) >= 1
    return True


def unknown_outcome(response: httpx.Response) -> str:
    """The id of an order of which it is not known whether it was taken."""
    order_id: str = problem(response, 504)["orderId"]
    assert UUID(order_id).version == 7
    assert int(response.headers["retry-after"]) >= 1
    return order_id


def processes(system: System) -> dict[str, int]:
    return {service: process.pid for service in SERVICES if (process := system.process(service))}


def test_while_orders_hangs_an_order_is_first_of_unknown_outcome_and_then_refused_at_once(
    start_system: StartSystem,
) -> None:
    system = start_system(**SOON)
    set_stock(system, "tea", 10)

    system.pause("orders")
    order_id = unknown_outcome(order(system, "tea"))
    eventually(lambda: is_refused_at_once(system), seconds=5)
    assert system.client.get("/api/gateway/stock/tea").status_code == 200, "Inventory is not concerned"
    problem(system.client.get(f"/api/gateway/orders/{order_id}"), 503)

    system.resume("orders")
    eventually(lambda: order(system, "tea").status_code == 201)
    assert settled(system, order_id)["status"] == "confirmed", "it had been sent, and so it was taken after all"
    check_books(system, [order_id])


def test_services_may_be_started_one_by_one_and_wait_for_each_other(start_system: StartSystem) -> None:
    system = start_system("gateway", **SOON)
    order_id = unknown_outcome(order(system, "tea"))
    eventually(lambda: is_refused_at_once(system), seconds=5)

    system.start("inventory")
    eventually(lambda: system.client.put("/api/gateway/stock/tea", json={"onHand": 10}).status_code == 200)
    assert is_refused_at_once(system), "Orders is still away"

    system.start("orders")
    eventually(lambda: order(system, "tea").status_code == 201)
    assert settled(system, order_id)["status"] == "confirmed"
    check_books(system, [order_id])


def test_without_redis_orders_are_refused_and_with_it_all_goes_on(
    start_system: StartSystem, redis: Server, home_of_servers: Path
) -> None:
    system = start_system(REDIS_URL=EmbeddedServers(home_of_servers).redis_url, **SOON)
    before = processes(system)
    with traffic(system) as orders:
        orders.go_on()
        redis.stop()
        eventually(lambda: is_refused_at_once(system), seconds=5)
        problem(system.client.get("/api/gateway/stock/plenty"), 503)
        for service in SERVICES:
            ready = httpx.get(f"{system.url(service)}/health/ready", trust_env=False)
            assert ready.status_code == 503
            assert ready.json()["checks"]["redis"] != "ok"
            assert httpx.get(f"{system.url(service)}/health/live", trust_env=False).status_code == 200
        redis.start()
        orders.go_on()
    check_books(system, orders.accepted)
    assert processes(system) == before, "nobody had to be started again"


def test_without_its_database_orders_takes_no_orders_and_with_it_all_goes_on(
    start_system: StartSystem, postgres: Server, home_of_servers: Path
) -> None:
    url = EmbeddedServers(home_of_servers).postgres_url
    system = start_system(ORDERS_DATABASE_URL=url("orders"), INVENTORY_DATABASE_URL=url("inventory"), **SOON)
    before = processes(system)
    with traffic(system) as orders:
        orders.go_on()
        postgres.stop()
        accepted = len(orders.accepted)
        eventually(lambda: is_refused_at_once(system), seconds=5)
        assert len(orders.accepted) <= accepted + 1, "nothing is accepted that cannot be stored"
        postgres.start()
        orders.go_on()
    check_books(system, orders.accepted)
    assert processes(system) == before, "nobody had to be started again"


def test_while_inventory_is_away_orders_are_taken_and_settle_when_it_is_back(start_system: StartSystem) -> None:
    system = start_system(**SOON)
    set_stock(system, "tea", 3)

    system.pause("inventory")
    accepted = [place_order(system, "tea") for _ in range(5)]
    time.sleep(2.5)  # long enough to be asked for again and again
    system.resume("inventory")

    ends = [settled(system, order_id)["status"] for order_id in accepted]
    assert sorted(ends) == ["confirmed"] * 3 + ["rejected"] * 2
    check_books(system, accepted)
