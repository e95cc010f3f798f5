"""What is sent again with its key is done once: at the same time, and later. Over restarts: `test_restarts.py`."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.databases import read
from tests.e2e.problems import problem
from tests.e2e.shop import becomes, done, explain, hold, lines, new_id, numbers, place, post
from tests.e2e.system import System
from tests.e2e.traffic import set_stock, stock
from tests.e2e.waiting import eventually

AT_ONCE = 200


def new_order(product: str, quantity: int = 1, **fields: object) -> dict[str, Any]:
    return {"customerId": "cust-456", "lines": lines(**{product: quantity})} | fields


@pytest.fixture
def product(system: System) -> str:
    """A product of which there are a thousand, and which no other test knows."""
    product = new_id()
    set_stock(system, product, 1000)
    return product


def test_an_order_that_is_sent_again_is_answered_as_it_is_by_then(system: System, product: str) -> None:
    key = new_id("key")
    first = post(system, "orders", new_order(product, 2, reference="r", metadata={"a": "b"}), key=key)
    order_id = done(first)["orderId"]
    becomes(system, order_id, "confirmed")

    again = post(system, "orders", new_order(product, 2, metadata={"a": "b"}, reference="r"), key=key)

    assert done(again) == first.json() | {"status": "confirmed"}
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert numbers(system, product) == (1000, 2, 998)


def test_a_key_may_be_in_quotes_or_not(system: System, product: str) -> None:
    key = new_id("key")
    ids = set()
    for value in (key, f'"{key}"'):
        answer = system.client.post("/api/gateway/orders", json=new_order(product), headers={"Idempotency-Key": value})
        ids.add(done(answer)["orderId"])
    assert len(ids) == 1


def test_both_forms_of_an_order_for_one_product_are_the_same(system: System, product: str) -> None:
    key = new_id("key")
    one = done(post(system, "orders", {"customerId": "cust-456", "productId": product, "quantity": 3}, key=key))
    other = done(post(system, "orders", new_order(product, 3), key=key))
    assert one["orderId"] == other["orderId"]
    assert (one["quantity"], other["lines"]) == (3, lines(**{product: 3}))


@pytest.mark.parametrize(
    "changes",
    [
        {"customerId": "cust-789"},
        {"reference": "other"},
        {"metadata": {"a": "c"}},
        {"policy": "backorder"},
        {"reservationId": "01a206cd-427d-77a1-8aa6-7ee7769e5ae9"},
        {"lines": lines(tea=1)},
    ],
)
def test_a_key_that_was_used_for_another_order_is_refused(
    system: System, product: str, changes: dict[str, Any]
) -> None:
    key = new_id("key")
    done(post(system, "orders", new_order(product), key=key))
    refused = problem(post(system, "orders", new_order(product) | changes, key=key), 422)
    assert refused["type"] == "urn:onhand:problem:idempotency-key-reused"


def test_two_hundred_of_the_same_at_once_make_one_order(system: System, product: str) -> None:
    key = new_id("key")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sent = [pool.submit(post, system, "orders", new_order(product, 3), key=key) for _ in range(AT_ONCE)]
        answers = [it.result() for it in sent]
    assert Counter(it.status_code for it in answers) == {201: AT_ONCE}
    assert len({it.json()["orderId"] for it in answers}) == 1
    assert Counter(it.headers.get("idempotent-replayed") for it in answers) == {None: 1, "true": AT_ONCE - 1}
    becomes(system, answers[0].json()["orderId"], "confirmed")
    assert numbers(system, product) == (1000, 3, 997)
    assert len(read(system, "orders", "SELECT 1 FROM orders WHERE idempotency_key = $1", key)) == 1


def test_two_hundred_different_orders_at_once_with_one_key_make_one_order(system: System, product: str) -> None:
    key = new_id("key")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sent = [pool.submit(post, system, "orders", new_order(product, 1 + it), key=key) for it in range(AT_ONCE)]
        answers = Counter(it.result().status_code for it in sent)
    assert answers == {201: 1, 422: AT_ONCE - 1}


@pytest.mark.parametrize(
    ("path", "body", "other"),
    [
        ("stock/{}/movements", {"type": "receive", "quantity": 5}, {"type": "receive", "quantity": 6}),
        ("stock/{}/movements", {"type": "adjust", "quantity": -5}, {"type": "count", "onHand": 995}),
        ("stock/{}/movements", {"type": "count", "onHand": 990}, {"type": "count", "onHand": 990, "reason": "why"}),
        (
            "stock/{}/incoming",
            {"quantity": 5, "expectedAt": "2026-12-01T08:00:00Z"},
            {"quantity": 5, "expectedAt": "2026-12-02T08:00:00Z"},
        ),
        ("reservations", {"ttlSeconds": 600, "reference": "cart"}, {"ttlSeconds": 600}),
    ],
)
def test_what_is_done_to_stock_under_a_key_is_done_once(
    system: System, product: str, path: str, body: dict[str, Any], other: dict[str, Any]
) -> None:
    if path == "reservations":
        body, other = (it | {"lines": lines(**{product: 5})} for it in (body, other))
    key = new_id("key")
    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(post, system, path.format(product), body, key=key) for _ in range(20)]
        answers = [it.result() for it in sent]
    after = stock(system, product)
    first, *_ = [done(it) for it in answers]
    assert all(done(it) == first for it in answers)
    assert Counter(it.headers.get("idempotent-replayed") for it in answers) == {None: 1, "true": 19}
    refused = problem(post(system, path.format(product), other, key=key), 422)
    assert refused["type"] == "urn:onhand:problem:idempotency-key-reused"
    assert stock(system, product) == after


def test_the_same_key_on_two_products_or_routes_is_two_things(system: System, product: str) -> None:
    key, other = new_id("key"), new_id()
    set_stock(system, other, 10)
    for it in (product, other):
        done(post(system, f"stock/{it}/movements", {"type": "receive", "quantity": 1}, key=key))
    done(post(system, "orders", new_order(product), key=key))
    done(post(system, "reservations", {"lines": lines(**{product: 1}), "ttlSeconds": 60}, key=key))
    assert (stock(system, product)["onHand"], stock(system, other)["onHand"]) == (1001, 11)


def test_what_was_refused_may_succeed_later_under_the_same_key(system: System, product: str) -> None:
    key = new_id("key")
    set_stock(system, product, 1)
    body = {"lines": lines(**{product: 2}), "ttlSeconds": 60}
    problem(post(system, "reservations", body, key=key), 409)
    set_stock(system, product, 2)
    done(post(system, "reservations", body, key=key))


def test_a_hold_is_extended_once_under_a_key(system: System, product: str) -> None:
    path, key = f"reservations/{hold(system, {product: 1}, ttl_seconds=60)}/extend", new_id("key")
    longer = done(post(system, path, {"ttlSeconds": 600}, key=key), 200)
    again = post(system, path, {"ttlSeconds": 600}, key=key)
    assert (done(again, 200), again.headers["idempotent-replayed"]) == (longer, "true")
    refused = post(system, path, {"ttlSeconds": 6000}, key=key)
    assert problem(refused, 422)["type"] == "urn:onhand:problem:idempotency-key-reused"
    assert done(system.client.get(f"/api/gateway/{path.removesuffix('/extend')}"), 200) == longer


def test_a_key_belongs_to_the_cancellation_that_came_with_it(system: System, product: str) -> None:
    order_id, key = place(system, {product: 5}), new_id("key")
    for _ in range(2):
        assert done(post(system, f"orders/{order_id}/cancel", {"reason": "mine"}, key=key), 200)["reason"] == "mine"
    refused = post(system, f"orders/{order_id}/cancel", {"reason": "yours"}, key=key)
    assert problem(refused, 422)["type"] == "urn:onhand:problem:idempotency-key-reused"


def test_an_order_is_sent_off_and_taken_back_once_under_a_key(system: System, product: str) -> None:
    order_id = place(system, {product: 5})
    becomes(system, order_id, "confirmed")
    for path, name in (("fulfilments", "fulfilled"), ("returns", "returned")):
        key = new_id("key")
        for _ in range(3):
            answer = done(post(system, f"orders/{order_id}/{path}", {"lines": lines(**{product: 2})}, key=key))
            assert answer["lines"][0][name] == 2
        refused = post(system, f"orders/{order_id}/{path}", {"lines": lines(**{product: 1})}, key=key)
        assert problem(refused, 422)["type"] == "urn:onhand:problem:idempotency-key-reused"
    eventually(lambda: numbers(system, product) == (1000, 3, 997))
    assert [it["quantity"] for it in explain(system, product)["movements"] if it["type"] != "count"] == [2, -2]
