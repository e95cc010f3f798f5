"""Who would rather wait is answered with the outcome, or in time without it."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.e2e.problems import problem
from tests.e2e.replicas import second_replicas
from tests.e2e.shop import API, becomes, new_id
from tests.e2e.system import System
from tests.e2e.traffic import set_stock
from tests.e2e.waiting import eventually


def order(system: System, product: str, prefer: str, quantity: int = 1, key: str = "") -> httpx.Response:
    body = {"customerId": product, "productId": product, "quantity": quantity}
    headers = {"Prefer": prefer} | ({"Idempotency-Key": key} if key else {})
    return system.client.post(f"{API}/orders", json=body, headers=headers, timeout=40)


def orders_for(system: System, product: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = system.client.get(f"{API}/orders", params={"customerId": product}).json()["orders"]
    return found


def waited(answer: httpx.Response, seconds: int) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    assert answer.headers["preference-applied"] == f"wait={seconds}"
    body: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{API}/orders/{body['orderId']}"
    return body


@pytest.fixture
def tea(system: System) -> str:
    product = new_id()
    set_stock(system, product, 5)
    return product


def test_the_answer_comes_with_the_outcome_and_looks_like_any_other(system: System, tea: str) -> None:
    got = waited(order(system, tea, "wait=10"), 10)
    assert got == {"orderId": got["orderId"], "productId": tea, "quantity": 1, "status": "confirmed"}
    got = waited(order(system, tea, "wait=10", quantity=6), 10)
    assert (got["status"], got["reason"]) == ("rejected", "insufficient-stock")


def test_who_waits_for_no_time_or_prefers_something_else_is_answered_as_ever(system: System, tea: str) -> None:
    assert waited(order(system, tea, "wait=0"), 0)["status"] == "pending"
    answer = order(system, tea, "return=minimal")
    assert answer.json()["status"] == "pending"
    assert "preference-applied" not in answer.headers


def test_who_waits_without_saying_how_long_is_told_so_and_nothing_is_ordered(system: System, tea: str) -> None:
    detail = problem(order(system, tea, "wait=soon"), 400)["detail"]
    assert detail == "The header Prefer must say `wait` in whole seconds, such as wait=10."
    assert system.client.get(f"{API}/stock/{tea}").json()["reserved"] == 0


def test_a_repeated_key_is_answered_with_what_has_become_of_the_first_order(system: System, tea: str) -> None:
    first = waited(order(system, tea, "wait=10", key=tea), 10)
    again = order(system, tea, "wait=10", key=tea)
    assert again.headers["idempotent-replayed"] == "true"
    assert waited(again, 10) == first


def test_many_may_wait_at_once(system: System) -> None:
    product = new_id()
    set_stock(system, product, 40)
    with ThreadPoolExecutor(50) as pool:
        answers = [*pool.map(lambda _: waited(order(system, product, "wait=20"), 20), range(50))]
    outcomes = [answer["status"] for answer in answers]
    assert (outcomes.count("confirmed"), outcomes.count("rejected")) == (40, 10)


def test_what_is_still_pending_at_the_end_is_answered_so(system: System, tea: str) -> None:
    with system.paused("inventory"):
        began = time.monotonic()
        assert waited(order(system, tea, "wait=1"), 1)["status"] == "pending"
        assert 1 <= time.monotonic() - began < 5


def test_who_waits_hears_of_the_outcome_though_redis_lost_everything(system: System, tea: str) -> None:
    with ThreadPoolExecutor(10) as pool, Redis.from_url(system.redis_url) as redis:
        with system.paused("inventory"):
            answers = [pool.submit(order, system, tea, "wait=30") for _ in range(5)]
            eventually(lambda: len(orders_for(system, tea)) == 5)
            redis.flushall()
        assert {waited(answer.result(), 30)["status"] for answer in answers} == {"confirmed"}


def test_a_gateway_that_is_stopped_answers_who_waits_at_once(system: System, tea: str) -> None:
    with second_replicas(system, "gateway") as (other,), ThreadPoolExecutor(1) as pool, system.paused("inventory"):
        body = {"customerId": tea, "productId": tea, "quantity": 1}
        waiting = pool.submit(
            httpx.post, f"{other.url}{API}/orders", json=body, headers={"Prefer": "wait=30"}, timeout=40
        )
        eventually(lambda: orders_for(system, tea))
        began = time.monotonic()
        other.stop()
        assert waited(waiting.result(), 30)["status"] == "pending"
        assert time.monotonic() - began < 10
    becomes(system, waiting.result().json()["orderId"], "confirmed")
