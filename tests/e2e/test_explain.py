"""Why a product's numbers are what they are: everything behind each of them, now and at a past moment."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.problems import problem
from tests.e2e.shop import becomes, done, explain, hold, lines, move, new_id, new_location, numbers, place, post
from tests.e2e.system import System
from tests.e2e.traffic import set_stock
from tests.e2e.waiting import eventually


@pytest.fixture
def tea(system: System) -> str:
    """A product of which there are ten."""
    product = new_id("tea")
    set_stock(system, product, 10)
    return product


def check_sums(told: dict[str, Any]) -> None:
    """What is listed adds up to the numbers, at each location and over all."""
    for level in told["locations"]:
        here = [it for it in told["movements"] if it["locationId"] == level["locationId"]]
        assert sum(it["quantity"] for it in here) == level["onHand"]
        held = [it["quantity"] for it in told["reservations"] if it["locationId"] == level["locationId"]]
        assert sum(held) == level["reserved"]
    assert told["onHand"] - told["reserved"] == told["available"]
    for name in ("onHand", "reserved", "available"):
        assert sum(level[name] for level in told["locations"]) == told[name]


def test_every_number_is_the_sum_of_what_is_listed_behind_it(system: System, tea: str) -> None:
    location = new_location(system)
    move(system, tea, "transfer", quantity=3, fromLocationId="main", toLocationId=location)
    held = hold(system, {tea: 1})
    order_id = place(system, {tea: 8})
    becomes(system, order_id, "confirmed")
    done(post(system, f"orders/{order_id}/fulfilments", {"lines": lines(**{tea: 2})}))
    eventually(lambda: numbers(system, tea) == (8, 7, 1))

    told = explain(system, tea)

    check_sums(told)
    assert (told["onHand"], told["reserved"], told["available"]) == (8, 7, 1)
    assert [it["type"] for it in reversed(told["movements"])][:3] == ["count", "transfer", "transfer"]
    assert {it["holderId"]: it["holder"] for it in told["reservations"]} == {held: "hold", order_id: "order"}
    assert {it["isSplit"] for it in told["reservations"] if it["holderId"] == order_id} == {True}


def test_those_that_wait_and_what_is_expected_are_listed_in_order(system: System, tea: str) -> None:
    waiting = [place(system, {tea: 11}, policy="backorder"), place(system, {tea: 3}, policy="backorder")]
    for order_id in waiting:
        becomes(system, order_id, "backordered")
    for day in ("05", "03"):
        body = {"quantity": 2, "expectedAt": f"2026-12-{day}T00:00:00Z"}
        done(post(system, f"stock/{tea}/incoming", body))

    told = explain(system, tea)

    assert sorted(it["orderId"] for it in told["backorders"]) == sorted(waiting)
    assert sorted(it["quantity"] for it in told["backorders"]) in ([1, 3], [0, 4])
    assert told["backorderCount"] == 2
    assert [it["expectedAt"][8:10] for it in told["incoming"]] == ["03", "05"]


def test_a_past_moment_is_told_as_it_was(system: System, tea: str) -> None:
    order_id = place(system, {tea: 4})
    becomes(system, order_id, "confirmed")
    then = datetime.now(UTC)
    move(system, tea, "receive", quantity=90)
    done(post(system, f"orders/{order_id}/fulfilments"))
    eventually(lambda: numbers(system, tea) == (96, 0, 96))

    told = explain(system, tea, at=then.isoformat())

    check_sums(told)
    assert datetime.fromisoformat(told["at"]) == then
    assert (told["onHand"], told["reserved"], told["available"]) == (10, 4, 6)
    assert [it["holderId"] for it in told["reservations"]] == [order_id]
    before = explain(system, tea, at="2020-01-01T00:00:00Z")
    assert (before["onHand"], before["movements"], before["reservations"]) == (0, [], [])
    now = explain(system, tea)
    assert (now["onHand"], now["reserved"]) == (96, 0)


def test_a_list_is_cut_off_and_counts_are_not(system: System, tea: str) -> None:
    for _ in range(5):
        move(system, tea, "receive", quantity=1)
    told = explain(system, tea, limit=2)
    assert (told["movementCount"], len(told["movements"]), told["onHand"]) == (6, 2, 15)
    assert [it["onHand"] for it in told["movements"]] == [15, 14]


def test_a_product_that_nobody_knows_cannot_be_explained(system: System) -> None:
    path = f"/api/gateway/stock/{new_id()}/explain"
    assert problem(system.client.get(path), 404)["type"] == "urn:onhand:problem:product-not-found"
