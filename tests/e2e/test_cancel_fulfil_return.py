"""What is done to an order that is taken: it is given up, sent off, taken back, and never what is not allowed now."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat

import pytest

from tests.e2e.problems import problem
from tests.e2e.shop import NOBODY, becomes, counters, done, explain, lines, new_id, numbers, place, post, timeline
from tests.e2e.system import System
from tests.e2e.traffic import look_up, set_stock, settled
from tests.e2e.waiting import eventually

ORDER_STATE = "urn:onhand:problem:order-state"
LINE_STATE = "urn:onhand:problem:line-state"


@pytest.fixture
def tea(system: System) -> str:
    """A product of which there are ten."""
    product = new_id("tea")
    set_stock(system, product, 10)
    return product


@pytest.fixture
def jam(system: System) -> str:
    """A product of which there are ten."""
    product = new_id("jam")
    set_stock(system, product, 10)
    return product


def confirmed(system: System, units: dict[str, int]) -> str:
    """An order that got its units; returns its id."""
    order_id = place(system, units)
    becomes(system, order_id, "confirmed")
    return order_id


def test_a_cancelled_order_gives_back_what_it_held_and_stays_cancelled(system: System, tea: str, jam: str) -> None:
    order_id = confirmed(system, {tea: 4, jam: 1})

    order = done(post(system, f"orders/{order_id}/cancel", {"reason": "changed my mind"}), 200)

    assert (order["status"], order["reason"]) == ("cancelled", "changed my mind")
    assert counters(order) == {tea: {"cancelled": 4}, jam: {"cancelled": 1}}
    eventually(lambda: numbers(system, tea) == (10, 0, 10) and numbers(system, jam) == (10, 0, 10))
    assert done(post(system, f"orders/{order_id}/cancel", {"reason": "again"}), 200) == order


def test_an_order_may_be_cancelled_without_a_word(system: System, tea: str) -> None:
    order_id = confirmed(system, {tea: 1})
    assert "reason" not in done(post(system, f"orders/{order_id}/cancel"), 200)


def test_what_cannot_be_cancelled_is_refused_with_its_state(system: System, tea: str) -> None:
    rejected = place(system, {tea: 11})
    settled(system, rejected)
    sent = confirmed(system, {tea: 2})
    done(post(system, f"orders/{sent}/fulfilments", {"lines": lines(**{tea: 1})}))
    for order_id, state in ((rejected, "rejected"), (sent, "partially-fulfilled")):
        refused = problem(post(system, f"orders/{order_id}/cancel"), 409)
        assert (refused["type"], refused["state"]) == (ORDER_STATE, state)
    eventually(lambda: numbers(system, tea)[1] == 1)


def test_an_order_is_sent_off_line_by_line_and_at_last_all_of_it(system: System, tea: str, jam: str) -> None:
    order_id = confirmed(system, {tea: 4, jam: 2})

    body = {"lines": [*lines(**{tea: 1, jam: 2}), *lines(**{tea: 2})], "reference": "parcel 1"}
    order = done(post(system, f"orders/{order_id}/fulfilments", body))
    assert (order["status"], order["fulfilment"]) == ("confirmed", "partially-fulfilled")
    assert counters(order) == {tea: {"reserved": 1, "fulfilled": 3}, jam: {"fulfilled": 2}}
    eventually(lambda: numbers(system, tea) == (7, 1, 6) and numbers(system, jam) == (8, 0, 8))

    order = done(post(system, f"orders/{order_id}/fulfilments"))
    assert order["fulfilment"] == "fulfilled"
    assert counters(order) == {tea: {"fulfilled": 4}, jam: {"fulfilled": 2}}
    eventually(lambda: numbers(system, tea) == (6, 0, 6))
    sales = [it for it in explain(system, tea)["movements"] if it["type"] == "sale"]
    assert [(it["quantity"], it["orderId"]) for it in sales] == [(-1, order_id), (-3, order_id)]

    refused = problem(post(system, f"orders/{order_id}/fulfilments"), 409)
    assert (refused["type"], refused["state"]) == (ORDER_STATE, "fulfilled")


def test_more_than_is_reserved_is_not_sent_off_and_the_line_is_named(system: System, tea: str, jam: str) -> None:
    order_id = confirmed(system, {tea: 2, jam: 2})
    for wrong, pointer in (
        (lines(**{jam: 1, tea: 3}), "/lines/1/quantity"),
        ([*lines(**{jam: 1}), *lines(**{jam: 1}), *lines(**{tea: 3})], "/lines/2/quantity"),
        (lines(**{tea: 1, "unknown": 1}), "/lines/1/productId"),
    ):
        refused = problem(post(system, f"orders/{order_id}/fulfilments", {"lines": wrong}), 409)
        assert (refused["type"], refused["state"]) == (LINE_STATE, "unfulfilled")
        assert [it["pointer"] for it in refused["errors"]] == [pointer]
    assert look_up(system, order_id)["fulfilment"] == "unfulfilled"
    assert numbers(system, tea) == (10, 2, 8)


def test_what_is_not_confirmed_is_not_sent_off(system: System, tea: str) -> None:
    cancelled, rejected = confirmed(system, {tea: 1}), place(system, {tea: 11})
    done(post(system, f"orders/{cancelled}/cancel"), 200)
    settled(system, rejected)
    for order_id, state in ((cancelled, "cancelled"), (rejected, "rejected")):
        for path in ("fulfilments", "returns"):
            assert problem(post(system, f"orders/{order_id}/{path}"), 409)["state"] == state


def test_what_comes_back_can_be_sold_again_unless_it_cannot(system: System, tea: str) -> None:
    order_id = confirmed(system, {tea: 5})
    done(post(system, f"orders/{order_id}/fulfilments"))

    order = done(post(system, f"orders/{order_id}/returns", {"lines": lines(**{tea: 2}), "reason": "too much"}))
    assert order["fulfilment"] == "partially-returned"
    assert counters(order) == {tea: {"fulfilled": 5, "returned": 2}}
    eventually(lambda: numbers(system, tea) == (7, 0, 7))

    order = done(post(system, f"orders/{order_id}/returns", {"restock": False, "reason": "broken"}))
    assert order["fulfilment"] == "returned"
    eventually(lambda: len([it for it in explain(system, tea)["movements"] if it["type"] == "return"]) == 2)
    assert numbers(system, tea) == (7, 0, 7)
    refused = problem(post(system, f"orders/{order_id}/returns"), 409)
    assert (refused["type"], refused["state"]) == (ORDER_STATE, "returned")


def test_no_more_comes_back_than_was_sent_off(system: System, tea: str) -> None:
    order_id = confirmed(system, {tea: 5})
    assert problem(post(system, f"orders/{order_id}/returns"), 409)["state"] == "unfulfilled"
    done(post(system, f"orders/{order_id}/fulfilments", {"lines": lines(**{tea: 3})}))
    done(post(system, f"orders/{order_id}/returns", {"lines": lines(**{tea: 2})}))
    refused = problem(post(system, f"orders/{order_id}/returns", {"lines": lines(**{tea: 2})}), 409)
    assert (refused["type"], refused["errors"][0]["pointer"]) == (LINE_STATE, "/lines/0/quantity")


@pytest.mark.parametrize("path", ["cancel", "fulfilments", "returns"])
def test_nothing_is_done_to_an_order_that_is_not_there(system: System, path: str) -> None:
    for order_id in (NOBODY, "order-789"):
        assert problem(post(system, f"orders/{order_id}/{path}"), 404)["title"] == "Order not found"


def test_an_order_that_is_cancelled_while_it_is_reserved_holds_nothing_in_the_end(system: System) -> None:
    product = new_id()
    set_stock(system, product, 100)

    def come_and_go(_: int) -> str:
        order_id = place(system, {product: 1})
        done(post(system, f"orders/{order_id}/cancel"), 200)
        return order_id

    with ThreadPoolExecutor(20) as pool:
        orders = list(pool.map(come_and_go, range(100)))
    eventually(lambda: numbers(system, product) == (100, 0, 100))
    assert {look_up(system, order_id)["status"] for order_id in orders} == {"cancelled"}


def test_an_order_is_cancelled_or_sent_off_and_never_both(system: System) -> None:
    product = new_id()
    set_stock(system, product, 40)
    orders = [confirmed(system, {product: 1}) for _ in range(40)]
    with ThreadPoolExecutor(20) as pool:
        errands = chain.from_iterable(zip(orders, repeat(path)) for path in ("cancel", "fulfilments"))
        answers = list(pool.map(lambda it: (*it, post(system, f"orders/{it[0]}/{it[1]}").status_code), sorted(errands)))
    outcomes = Counter((order_id, status < 300) for order_id, _, status in answers)
    assert outcomes == Counter(dict.fromkeys([(it, done) for it in orders for done in (True, False)], 1))
    sent = sum(path == "fulfilments" and status == 201 for _, path, status in answers)
    eventually(lambda: numbers(system, product) == (40 - sent, 0, 40 - sent))


def test_of_many_cancellations_at_once_each_is_answered_alike_and_one_counts(system: System, tea: str) -> None:
    order_id = confirmed(system, {tea: 4})
    with ThreadPoolExecutor(20) as pool:
        answers = [it.result() for it in [pool.submit(post, system, f"orders/{order_id}/cancel") for _ in range(20)]]
    assert {it.status_code for it in answers} == {200}
    eventually(lambda: numbers(system, tea) == (10, 0, 10))
    assert [it["type"] for it in timeline(system, order_id)].count("orders.order-cancelled.v1") == 1


def test_of_many_fulfilments_at_once_no_unit_is_sent_twice(system: System, tea: str) -> None:
    order_id = confirmed(system, {tea: 7})
    body = {"lines": lines(**{tea: 1})}
    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(post, system, f"orders/{order_id}/fulfilments", body) for _ in range(20)]
        answers = Counter(it.result().status_code for it in sent)
    assert answers == {201: 7, 409: 13}
    eventually(lambda: numbers(system, tea) == (3, 0, 3))
