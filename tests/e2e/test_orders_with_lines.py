"""Orders for several products, and what is done when there is not enough of everything."""

from typing import Any

import pytest

from tests.e2e.problems import problem
from tests.e2e.shop import (
    NOBODY,
    at_locations,
    becomes,
    counters,
    done,
    lines,
    new_id,
    new_location,
    numbers,
    place,
    post,
    set_product,
    timeline,
)
from tests.e2e.system import System
from tests.e2e.traffic import set_stock, settled


@pytest.fixture
def tea(system: System) -> str:
    """A product of which there are ten."""
    product = new_id("tea")
    set_stock(system, product, 10)
    return product


@pytest.fixture
def jam(system: System) -> str:
    """A product of which there are three."""
    product = new_id("jam")
    set_stock(system, product, 3)
    return product


def test_an_order_with_lines_is_answered_with_its_lines_and_confirmed_a_moment_later(
    system: System, tea: str, jam: str
) -> None:
    body: dict[str, Any] = {
        "customerId": "cust-456",
        "lines": lines(**{tea: 2, jam: 1}),
        "reference": "web-1001",
        "metadata": {"channel": "web", "note": "two\nlines"},
    }
    answer = done(post(system, "orders", body))
    assert answer == {"orderId": answer["orderId"], "lines": body["lines"], "status": "pending"}

    order = becomes(system, answer["orderId"], "confirmed")

    assert counters(order) == {tea: {"reserved": 2}, jam: {"reserved": 1}}
    told = {name: order[name] for name in ("customerId", "fulfilment", "policy", "reference", "metadata")}
    assert told == {
        "customerId": "cust-456",
        "fulfilment": "unfulfilled",
        "policy": "all-or-nothing",
        "reference": "web-1001",
        "metadata": body["metadata"],
    }
    assert (numbers(system, tea), numbers(system, jam)) == ((10, 2, 8), (3, 1, 2))


def test_lines_for_the_same_product_are_one(system: System, tea: str, jam: str) -> None:
    body = {"customerId": "cust-456", "lines": [*lines(**{tea: 2, jam: 1}), *lines(**{tea: 3})]}
    answer = done(post(system, "orders", body))
    assert answer["lines"] == lines(**{tea: 5, jam: 1})
    assert counters(becomes(system, answer["orderId"], "confirmed"))[tea] == {"reserved": 5}


def test_an_order_may_have_a_hundred_lines(system: System) -> None:
    units = {new_id(): 1 for _ in range(100)}
    for product in units:
        set_stock(system, product, 1)
    order = becomes(system, place(system, units), "confirmed")
    assert counters(order) == {product: {"reserved": 1} for product in units}


def test_all_or_nothing_takes_nothing_if_a_single_line_is_short_and_says_of_each_what_there_was(
    system: System, tea: str, jam: str
) -> None:
    order = settled(system, place(system, {tea: 10, jam: 4}))
    assert (order["status"], order["reason"]) == ("rejected", "insufficient-stock")
    assert counters(order) == {tea: {"cancelled": 10}, jam: {"cancelled": 4}}
    assert [line["available"] for line in order["lines"]] == [10, 3]
    assert (numbers(system, tea), numbers(system, jam)) == ((10, 0, 10), (3, 0, 3))


def test_ship_available_takes_what_there_is_and_drops_the_rest(system: System, tea: str, jam: str) -> None:
    unknown = new_id()
    order = settled(system, place(system, {tea: 2, jam: 4, unknown: 1}, policy="ship-available"))
    assert order["status"] == "confirmed"
    assert counters(order) == {tea: {"reserved": 2}, jam: {"reserved": 3, "cancelled": 1}, unknown: {"cancelled": 1}}
    assert numbers(system, jam) == (3, 3, 0)


def test_ship_available_is_rejected_if_there_is_nothing_of_anything(system: System, jam: str) -> None:
    set_stock(system, jam, 0)
    order = settled(system, place(system, {jam: 1}, policy="ship-available"))
    assert (order["status"], order["reason"]) == ("rejected", "insufficient-stock")


def test_backorder_takes_what_there_is_and_waits_for_the_rest(system: System, tea: str, jam: str) -> None:
    order = settled(system, place(system, {tea: 2, jam: 5}, policy="backorder"))
    assert order["status"] == "backordered"
    assert counters(order) == {tea: {"reserved": 2}, jam: {"reserved": 3, "backordered": 2}}


def test_nobody_waits_for_what_cannot_be_waited_for(system: System, tea: str, jam: str) -> None:
    set_product(system, jam, backorderable=False)
    for units, reason in (({tea: 2, jam: 5}, "not-backorderable"), ({tea: 2, new_id(): 1}, "unknown-product")):
        order = settled(system, place(system, units, policy="backorder"))
        assert (order["status"], order["reason"]) == ("rejected", reason)
    assert numbers(system, tea) == (10, 0, 10)


def test_no_order_gets_the_safety_stock(system: System, jam: str) -> None:
    set_product(system, jam, safetyStock=2)
    assert settled(system, place(system, {jam: 2}))["status"] == "rejected"
    assert settled(system, place(system, {jam: 1}))["status"] == "confirmed"
    level = system.client.get(f"/api/gateway/stock/{jam}?quantity=1").json()
    assert (level["available"], level["availableToPromise"], level["inStock"]) == (2, 0, False)


def test_a_location_that_can_serve_the_whole_order_does_and_else_it_is_split_by_priority(
    system: System, tea: str, jam: str
) -> None:
    near, far = new_location(system, priority=1), new_location(system, priority=2)
    for location, teas, jams in ((near, 2, 9), (far, 5, 5)):
        for product, units in ((tea, teas), (jam, jams)):
            done(
                system.client.put(f"/api/gateway/stock/{product}", json={"onHand": units, "locationId": location}), 200
            )

    becomes(system, place(system, {tea: 3, jam: 5}), "confirmed")
    assert at_locations(system, tea) == {"main": (10, 0), near: (2, 0), far: (5, 3)}
    assert at_locations(system, jam) == {"main": (3, 0), near: (9, 0), far: (5, 5)}

    becomes(system, place(system, {tea: 5, jam: 10}), "confirmed")
    assert at_locations(system, tea) == {"main": (10, 1), near: (2, 2), far: (5, 5)}
    assert at_locations(system, jam) == {"main": (3, 1), near: (9, 9), far: (5, 5)}


def test_what_happened_to_an_order_is_told_with_who_wanted_it_and_where_it_came_from(system: System, tea: str) -> None:
    body = {"customerId": "cust-456", "lines": lines(**{tea: 1})}
    order_id = done(post(system, "orders", body, actor="Zoë"))["orderId"]
    becomes(system, order_id, "confirmed")
    done(post(system, f"orders/{order_id}/cancel", {"reason": "changed my mind"}, actor="anna"), 200)

    events = timeline(system, order_id)

    assert [(it["version"], it["type"], it["source"]) for it in events] == [
        (1, "orders.order-created.v2", "gateway"),
        (2, "orders.order-confirmed.v1", "inventory"),
        (3, "orders.order-cancelled.v1", "gateway"),
    ]
    assert [it["actor"] for it in events if it["source"] == "gateway"] == ["Zoë", "anna"]
    assert events[2]["data"]["reason"] == "changed my mind"
    assert [it["at"] for it in events] == sorted(it["at"] for it in events)


@pytest.mark.parametrize("path", ["", "/events"])
def test_an_order_that_is_not_there_has_no_story(system: System, path: str) -> None:
    assert problem(system.client.get(f"/api/gateway/orders/{NOBODY}{path}"), 404)["title"] == "Order not found"
