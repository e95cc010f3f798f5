"""Two replicas of Orders and two of Inventory share the work, and nothing is sold twice."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.e2e.books import check_books
from tests.e2e.replicas import Replica, second_replicas
from tests.e2e.shared import new_system
from tests.e2e.shop import numbers
from tests.e2e.system import System
from tests.e2e.traffic import place_order, set_stock, settled, traffic
from tests.e2e.waiting import eventually


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """A system that is verified by nobody while entries still belong to replicas that are dead for good."""
    with new_system() as system:
        system.start()
        yield system


@pytest.fixture
def replicas(system: System) -> Iterator[list[Replica]]:
    """A second of Orders and of Inventory."""
    with second_replicas(system, "orders", "inventory") as replicas:
        yield replicas


@pytest.mark.usefixtures("replicas")
def test_of_fifty_buyers_exactly_one_gets_the_last_unit(system: System) -> None:
    set_stock(system, "rare", 1)
    with ThreadPoolExecutor(max_workers=50) as buyers:
        accepted = list(buyers.map(lambda _: place_order(system, "rare"), range(50)))
    ends = Counter(settled(system, order_id)["status"] for order_id in accepted)
    assert ends == {"confirmed": 1, "rejected": 49}
    assert numbers(system, "rare") == (1, 1, 0)
    check_books(system, accepted)


@pytest.mark.usefixtures("replicas")
def test_replicas_share_the_work_and_keep_one_set_of_books(system: System) -> None:
    products = [f"product-{number}" for number in range(10)]
    for product in products:
        set_stock(system, product, 25)
    with ThreadPoolExecutor(max_workers=20) as buyers:
        accepted = list(
            buyers.map(lambda number: place_order(system, products[number % 10], 1 + number % 3), range(400))
        )
    check_books(system, accepted)
    for service, contract in (("orders", "create-order"), ("orders", "stock-"), ("inventory", "order-created")):
        log = partial(system.log, f"onhand.{service}")
        eventually(lambda log=log, contract=contract: contract in log())  # type: ignore[misc]


def test_when_a_replica_dies_for_good_the_other_finishes(system: System, replicas: list[Replica]) -> None:
    with traffic(system) as orders:
        orders.go_on()
        for replica in replicas:
            replica.kill()
        orders.go_on()
    check_books(system, orders.accepted)
