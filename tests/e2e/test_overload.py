"""More requests at once than the gateway takes on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.e2e.books import check_books
from tests.e2e.problems import problem
from tests.e2e.scraping import metrics
from tests.e2e.shared import new_system
from tests.e2e.system import System
from tests.e2e.traffic import order, set_stock, settled
from tests.e2e.waiting import eventually

MOST = 3


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """A system whose gateway takes on no more than a few."""
    with new_system(MAX_IN_FLIGHT=str(MOST), REPLY_TIMEOUT_SECONDS="20") as system:
        system.start()
        yield system


def under_way(system: System) -> float | None:
    return metrics(system, "gateway").sum("onhand_requests_in_flight")


def refused_so_far(system: System) -> float:
    return metrics(system, "gateway").sum("onhand_requests_refused_total", reason="too-many") or 0.0


def order_until_taken(system: System) -> httpx.Response:
    """Whoever reads the metrics takes a place, too, for a moment."""
    return eventually(lambda: it if (it := order(system, "tea")).status_code == 201 else None)


def test_one_request_too_many_is_refused_at_once_and_told_in_the_metrics(system: System) -> None:
    set_stock(system, "tea", 1000)
    with ThreadPoolExecutor(MOST) as threads:
        with system.paused("orders"):
            taken = [threads.submit(order_until_taken, system) for _ in range(MOST)]
            eventually(lambda: under_way(system) == MOST, seconds=4)
            before = refused_so_far(system)
            for refused in (order(system, "tea"), system.client.get("/api/gateway/stock/tea")):
                document = problem(refused, 503)
                assert document["detail"] == f"{MOST} requests are under way already. Nothing was done; try again."
                assert refused.headers["retry-after"] == "1"
            assert refused_so_far(system) - before == 2
            assert system.client.get("/health/ready").status_code == 200
        answers = [it.result() for it in taken]
    assert [it.status_code for it in answers] == [201] * MOST
    accepted = [it.json()["orderId"] for it in answers]
    eventually(lambda: order(system, "tea").status_code == 201)  # there is room again
    assert {settled(system, order_id)["status"] for order_id in accepted} == {"confirmed"}


def test_under_a_flood_what_is_taken_is_done_and_what_is_refused_is_not(system: System) -> None:
    set_stock(system, "coffee", 1000)
    with ThreadPoolExecutor(8 * MOST) as threads:
        answers = list(threads.map(lambda _: order(system, "coffee"), range(400)))
    accepted = [it.json()["orderId"] for it in answers if it.status_code == 201]
    refused = [it for it in answers if it.status_code != 201]
    for it in refused:
        problem(it, 503)
    assert accepted
    assert refused
    for order_id in accepted:
        assert settled(system, order_id)["status"] == "confirmed"
    assert system.client.get("/api/gateway/stock/coffee").json()["reserved"] == len(accepted)
    check_books(system, accepted)
