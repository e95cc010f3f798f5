"""What the gateway says while something it needs is away, and that all goes on by itself when that is back."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import httpx
import pytest

from onhand.cli.home import make_home
from onhand.cli.local import EmbeddedServers
from onhand.cli.programs import Program, running
from tests.e2e.books import check_books
from tests.e2e.conftest import StartSystem
from tests.e2e.databases import stores_nothing
from tests.e2e.problems import problem
from tests.e2e.shared import new_system
from tests.e2e.system import SERVICES, System
from tests.e2e.traffic import order, place_order, set_stock, settled, stock, traffic
from tests.e2e.waiting import eventually

REPLY_TIMEOUT_SECONDS = 1
SOON = {"REPLY_TIMEOUT_SECONDS": str(REPLY_TIMEOUT_SECONDS)}


class Server:
    """A Redis or PostgreSQL that is not the system's own, so that nobody but the test starts it again."""

    def __init__(self, program: Program, home: Path) -> None:
        self._program = program
        self._log = home / "logs" / f"{program.name}.log"
        self._running = ExitStack()

    def start(self) -> None:
        self._running.enter_context(running(self._program, self._log, lambda _: None))

    def stop(self) -> None:
        self._running.close()

    @contextmanager
    def away(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()


class Servers(NamedTuple):
    redis: Server
    postgres: Server
    urls: dict[str, str]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """A Redis and a PostgreSQL to which the settings of a system can lead."""
    with tempfile.TemporaryDirectory(prefix="onhand-e2e-") as directory:
        home = make_home(Path(directory) / "home")
        embedded = EmbeddedServers(home)
        urls = {"REDIS_URL": embedded.redis_url} | {
            f"{service.upper()}_DATABASE_URL": embedded.postgres_url(service) for service in ("orders", "inventory")
        }
        found = Servers(Server(embedded.redis(), home), Server(embedded.postgres(), home), urls)
        for server in (found.redis, found.postgres):
            server.start()
        yield found
        for server in (found.redis, found.postgres):
            server.stop()


@pytest.fixture(scope="module")
def system(servers: Servers) -> Iterator[System]:
    """A system whose servers come and go; every test leaves it as it was."""
    with new_system(**SOON, **servers.urls) as system:
        system.start()
        yield system


def is_refused_at_once(system: System) -> bool:
    """Whether an order is answered 503, so quickly that nothing can have been waited for."""
    began = time.monotonic()
    response = order(system, "tea")
    if response.status_code != 503:
        return False
    assert time.monotonic() - began < REPLY_TIMEOUT_SECONDS
    problem(response, 503)
    assert int(response.headers["retry-after"]) >= 1
    return True


def unknown_outcome(response: httpx.Response) -> str:
    """The id of an order of which it is not known whether it was taken."""
    order_id: str = problem(response, 504)["orderId"]
    assert UUID(order_id).version == 7
    assert int(response.headers["retry-after"]) >= 1
    return order_id


def test_while_orders_hangs_an_order_is_first_of_unknown_outcome_and_then_refused_at_once(system: System) -> None:
    set_stock(system, "tea", 1_000)
    with system.paused("orders"):
        order_id = unknown_outcome(order(system, "tea"))
        eventually(lambda: is_refused_at_once(system), seconds=5)
        assert stock(system, "tea")["productId"] == "tea", "Inventory is not concerned"
        problem(system.client.get(f"/api/gateway/orders/{order_id}"), 503)
    eventually(lambda: order(system, "tea").status_code == 201)
    assert settled(system, order_id)["status"] == "confirmed", "it had been sent, and so it was taken after all"
    check_books(system, [order_id])


def test_while_inventory_hangs_orders_are_taken_and_settle_when_it_is_back(system: System) -> None:
    set_stock(system, "coffee", 3)
    with system.paused("inventory"):
        accepted = [place_order(system, "coffee") for _ in range(5)]
        problem(system.client.get("/api/gateway/stock/coffee"), 504)
        eventually(lambda: system.client.get("/api/gateway/stock/coffee").status_code == 503)
    assert sorted(settled(system, order_id)["status"] for order_id in accepted) == ["confirmed"] * 3 + ["rejected"] * 2
    check_books(system, accepted)


def test_without_redis_orders_are_refused_and_with_it_all_goes_on(system: System, servers: Servers) -> None:
    before = system.pids()
    with traffic(system) as orders:
        orders.go_on()
        with servers.redis.away():
            eventually(lambda: is_refused_at_once(system), seconds=5)
            problem(system.client.get("/api/gateway/stock/plenty"), 503)
            for service in SERVICES:
                ready = system.client.get(f"{system.url(service)}/health/ready")
                assert ready.status_code == 503
                assert ready.json()["checks"]["redis"] != "ok"
                assert system.client.get(f"{system.url(service)}/health/live").status_code == 200
        orders.go_on()
    check_books(system, orders.accepted)
    assert system.pids() == before, "nobody had to be started again"


def test_without_its_database_orders_takes_no_orders_and_with_it_all_goes_on(system: System, servers: Servers) -> None:
    before = system.pids()
    with traffic(system) as orders:
        orders.go_on()
        with servers.postgres.away():
            accepted = len(orders.accepted)
            eventually(lambda: is_refused_at_once(system), seconds=5)
            assert len(orders.accepted) <= accepted + 1, "nothing is accepted that cannot be stored"
        orders.go_on()
    check_books(system, orders.accepted)
    assert system.pids() == before, "nobody had to be started again"


def test_while_the_database_of_orders_answers_and_stores_nothing_orders_are_refused(system: System) -> None:
    before = system.pids()
    with traffic(system) as orders:
        orders.go_on()
        with stores_nothing(system, "orders"):
            eventually(lambda: is_refused_at_once(system), seconds=15)
            ready = system.client.get(f"{system.url('orders')}/health/ready")
            assert ready.status_code == 503
            assert "read-only transaction" in ready.json()["checks"]["work"]
            assert ready.json()["checks"]["database"] == "ok"
        orders.go_on()
    check_books(system, orders.accepted)
    assert system.pids() == before, "nobody had to be started again"


def order_id_if_accepted(answer: httpx.Response) -> str | None:
    return answer.json()["orderId"] if answer.status_code == 201 else None


def test_services_may_be_started_one_by_one_and_wait_for_each_other(start_system: StartSystem) -> None:
    system = start_system("gateway", **SOON)
    first = order(system, "tea")  # of unknown outcome, unless the gateway has already given up hope of Orders
    accepted = [unknown_outcome(first)] if first.status_code == 504 else []
    eventually(lambda: is_refused_at_once(system), seconds=5)

    system.start("inventory")
    set_stock(system, "tea", 1_000)
    assert is_refused_at_once(system), "Orders is still away"

    system.start("orders")
    accepted.append(eventually(lambda: order_id_if_accepted(order(system, "tea"))))
    for order_id in accepted:
        assert settled(system, order_id)["status"] == "confirmed"
    check_books(system, accepted)
