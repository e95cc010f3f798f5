"""Units are held for a while without an order, and the hold ends once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from tests.e2e.problems import problem
from tests.e2e.shop import (
    NOBODY,
    becomes,
    counters,
    done,
    explain,
    hold,
    lines,
    new_id,
    numbers,
    place,
    post,
    state_of,
)
from tests.e2e.system import System
from tests.e2e.traffic import set_stock, settled
from tests.e2e.waiting import eventually

STATE = "urn:onhand:problem:reservation-state"


@pytest.fixture
def tea(system: System) -> str:
    """A product of which there are ten."""
    product = new_id("tea")
    set_stock(system, product, 10)
    return product


def test_a_hold_takes_its_units_at_once_and_gives_them_back_when_it_is_released(system: System, tea: str) -> None:
    body = {"lines": [*lines(**{tea: 2}), *lines(**{tea: 1})], "ttlSeconds": 600, "reference": "cart 7"}
    response = post(system, "reservations", body)
    created = done(response)
    assert response.headers["location"] == f"/api/gateway/reservations/{created['reservationId']}"
    assert (created["state"], created["lines"], created["reference"]) == ("active", lines(**{tea: 3}), "cart 7")
    lasts = datetime.fromisoformat(created["expiresAt"]) - datetime.fromisoformat(created["createdAt"])
    assert lasts == timedelta(seconds=600)
    assert numbers(system, tea) == (10, 3, 7)
    assert done(system.client.get(response.headers["location"]), 200) == created

    released = done(system.client.delete(response.headers["location"]), 200)

    assert released["state"] == "released"
    assert numbers(system, tea) == (10, 0, 10)
    assert done(system.client.delete(response.headers["location"]), 200) == released


def test_a_hold_is_of_all_or_of_nothing_and_says_what_there_is(system: System, tea: str) -> None:
    jam = new_id("jam")
    set_stock(system, jam, 1)
    refused = problem(post(system, "reservations", {"lines": lines(**{tea: 2, jam: 2}), "ttlSeconds": 60}), 409)
    assert refused["type"] == "urn:onhand:problem:insufficient-stock"
    assert refused["lines"] == [
        {"productId": tea, "requested": 2, "available": 10},
        {"productId": jam, "requested": 2, "available": 1},
    ]
    assert (numbers(system, tea), numbers(system, jam)) == ((10, 0, 10), (1, 0, 1))


def test_what_nobody_knows_cannot_be_held_and_its_line_is_named(system: System, tea: str) -> None:
    body = {"lines": [*lines(**{tea: 1}), *lines(**{tea: 1}), *lines(unknown=1)], "ttlSeconds": 60}
    refused = problem(post(system, "reservations", body), 404)
    assert refused["type"] == "urn:onhand:problem:product-not-found"
    assert [it["pointer"] for it in refused["errors"]] == ["/lines/2/productId"]


def test_a_hold_ends_by_itself_and_its_units_are_there_for_others(system: System, tea: str) -> None:
    reservation_id = hold(system, {tea: 10}, ttl_seconds=1)
    assert settled(system, place(system, {tea: 1}))["status"] == "rejected"
    eventually(lambda: numbers(system, tea) == (10, 0, 10))
    ended = done(system.client.get(f"/api/gateway/reservations/{reservation_id}"), 200)
    assert ended["state"] == "expired"
    assert ended["endedAt"] >= ended["expiresAt"]
    becomes(system, place(system, {tea: 10}), "confirmed")


def test_a_hold_is_extended_and_never_shortened(system: System, tea: str) -> None:
    reservation_id = hold(system, {tea: 1}, ttl_seconds=60)
    path = f"reservations/{reservation_id}/extend"
    longer = done(post(system, path, {"ttlSeconds": 3600}), 200)
    assert done(post(system, path, {"ttlSeconds": 1}), 200)["expiresAt"] == longer["expiresAt"]
    lasts = datetime.fromisoformat(longer["expiresAt"]) - datetime.fromisoformat(longer["createdAt"])
    assert lasts >= timedelta(seconds=3600)


def test_an_order_takes_what_is_held_for_it_and_does_not_compete_with_its_own_hold(system: System, tea: str) -> None:
    reservation_id = hold(system, {tea: 10})
    order = becomes(system, place(system, {tea: 10}, reservationId=reservation_id), "confirmed")
    assert order["reservationId"] == reservation_id
    assert numbers(system, tea) == (10, 10, 0)
    used = done(system.client.get(f"/api/gateway/reservations/{reservation_id}"), 200)
    assert (used["state"], used["orderId"]) == ("used", order["orderId"])


def test_an_order_gets_more_than_was_held_like_any_other_and_less_is_given_back(system: System, tea: str) -> None:
    reservation_id = hold(system, {tea: 4})
    becomes(system, place(system, {tea: 6}, reservationId=reservation_id), "confirmed")
    assert numbers(system, tea) == (10, 6, 4)
    reservation_id = hold(system, {tea: 4})
    becomes(system, place(system, {tea: 1}, reservationId=reservation_id), "confirmed")
    assert numbers(system, tea) == (10, 7, 3)


def test_a_hold_that_is_not_active_any_more_helps_nobody(system: System, tea: str) -> None:
    reservation_id = hold(system, {tea: 10})
    done(system.client.delete(f"/api/gateway/reservations/{reservation_id}"), 200)
    order = becomes(system, place(system, {tea: 3}, reservationId=reservation_id), "confirmed")
    assert counters(order) == {tea: {"reserved": 3}}
    assert state_of(system, reservation_id) == "released"


def test_an_order_that_names_a_hold_nobody_knows_is_rejected(system: System, tea: str) -> None:
    order = settled(system, place(system, {tea: 1}, reservationId=NOBODY))
    assert (order["status"], order["reason"]) == ("rejected", "unknown-reservation")


def test_what_has_ended_is_neither_extended_nor_released(system: System, tea: str) -> None:
    used, expired, released = hold(system, {tea: 1}), hold(system, {tea: 1}, ttl_seconds=1), hold(system, {tea: 1})
    becomes(system, place(system, {tea: 1}, reservationId=used), "confirmed")
    done(system.client.delete(f"/api/gateway/reservations/{released}"), 200)
    eventually(lambda: state_of(system, expired) == "expired")
    for reservation_id, state in ((used, "used"), (expired, "expired"), (released, "released")):
        refused = problem(post(system, f"reservations/{reservation_id}/extend", {"ttlSeconds": 60}), 409)
        assert (refused["type"], refused["state"]) == (STATE, state)
        if state != "released":
            refused = problem(system.client.delete(f"/api/gateway/reservations/{reservation_id}"), 409)
            assert (refused["type"], refused["state"]) == (STATE, state)


@pytest.mark.parametrize("reservation_id", [NOBODY, "cart"])
def test_a_hold_that_is_not_there_is_not_found(system: System, reservation_id: str) -> None:
    path = f"/api/gateway/reservations/{reservation_id}"
    problem(system.client.get(path), 404)
    problem(system.client.delete(path), 404)
    problem(system.client.post(f"{path}/extend", json={"ttlSeconds": 60}), 404)


def test_of_many_that_want_the_last_units_at_once_each_gets_them_or_is_told(system: System, tea: str) -> None:
    body = {"lines": lines(**{tea: 3}), "ttlSeconds": 600}
    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(post, system, "reservations", body) for _ in range(20)]
        answers = Counter(it.result().status_code for it in sent)
    assert answers == {201: 3, 409: 17}
    assert numbers(system, tea) == (10, 9, 1)


def test_a_hold_that_expires_while_it_is_used_ends_once_and_no_unit_is_lost(system: System) -> None:
    product = new_id()
    set_stock(system, product, 100)
    holds = [hold(system, {product: 1}, ttl_seconds=1) for _ in range(60)]
    with ThreadPoolExecutor(5) as pool:
        orders = list(pool.map(lambda it: place(system, {product: 1}, reservationId=it), holds))
    eventually(lambda: all(state_of(system, it) != "active" for it in holds))
    confirmed = [becomes(system, it, "confirmed") for it in orders]
    assert len(confirmed) == 60
    eventually(lambda: numbers(system, product) == (100, 60, 40))
    assert explain(system, product)["reservationCount"] == 60
