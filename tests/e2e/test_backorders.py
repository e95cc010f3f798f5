"""Orders that wait get what comes in, in the order in which they came, and are told when."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.shop import (
    becomes,
    counters,
    done,
    hold,
    lines,
    move,
    new_id,
    new_location,
    numbers,
    place,
    post,
    set_product,
    timeline,
)
from tests.e2e.system import System
from tests.e2e.traffic import look_up, set_stock
from tests.e2e.waiting import eventually


@pytest.fixture
def tea(system: System) -> str:
    """A product of which there are two."""
    product = new_id("tea")
    set_stock(system, product, 2)
    return product


def wait_for(system: System, product: str, quantity: int) -> str:
    """An order that waits; returns its id."""
    order_id = place(system, {product: quantity}, policy="backorder")
    becomes(system, order_id, "backordered")
    return order_id


def waits_for(system: System, order_id: str, units: int) -> bool:
    """Whether an order waits for so many units."""
    waiting: int = sum(line["backordered"] for line in look_up(system, order_id)["lines"])
    return waiting == units


def test_what_is_received_goes_to_those_that_wait_first_come_first_served(system: System, tea: str) -> None:
    first, second = wait_for(system, tea, 5), wait_for(system, tea, 4)

    move(system, tea, "receive", quantity=2)
    eventually(lambda: waits_for(system, first, 1))
    assert waits_for(system, second, 4)
    assert numbers(system, tea) == (4, 4, 0)

    move(system, tea, "receive", quantity=3)
    order = becomes(system, first, "confirmed")
    assert counters(order) == {tea: {"reserved": 5}}
    eventually(lambda: waits_for(system, second, 2))
    assert look_up(system, second)["status"] == "backordered"

    move(system, tea, "receive", quantity=5)
    becomes(system, second, "confirmed")
    assert numbers(system, tea) == (12, 9, 3)


def test_nobody_jumps_the_queue(system: System, tea: str) -> None:
    first = wait_for(system, tea, 3)
    later = place(system, {tea: 1}, policy="backorder")
    becomes(system, later, "backordered")
    move(system, tea, "receive", quantity=1)
    becomes(system, first, "confirmed")
    assert waits_for(system, later, 1)


@pytest.mark.parametrize(("kind", "fields"), [("adjust", {"quantity": 1}), ("count", {"onHand": 3})])
def test_what_is_found_goes_to_those_that_wait(system: System, tea: str, kind: str, fields: dict[str, int]) -> None:
    waiting = wait_for(system, tea, 3)
    move(system, tea, kind, **fields)
    assert counters(becomes(system, waiting, "confirmed")) == {tea: {"reserved": 3}}


def test_what_is_set_higher_goes_to_those_that_wait(system: System, tea: str) -> None:
    waiting = wait_for(system, tea, 3)
    set_stock(system, tea, 3)
    becomes(system, waiting, "confirmed")


def test_what_others_give_up_goes_to_those_that_wait(system: System, tea: str) -> None:
    other = place(system, {tea: 2})
    becomes(system, other, "confirmed")
    waiting = wait_for(system, tea, 1)
    done(post(system, f"orders/{other}/cancel"), 200)
    becomes(system, waiting, "confirmed")
    eventually(lambda: numbers(system, tea) == (2, 1, 1))


@pytest.mark.parametrize("is_released", [True, False])
def test_what_is_held_no_longer_goes_to_those_that_wait(system: System, tea: str, is_released: bool) -> None:
    reservation_id = hold(system, {tea: 2}, ttl_seconds=600 if is_released else 2)
    waiting = wait_for(system, tea, 1)
    if is_released:
        done(system.client.delete(f"/api/gateway/reservations/{reservation_id}"), 200)
    becomes(system, waiting, "confirmed")


def test_what_comes_back_goes_to_those_that_wait(system: System, tea: str) -> None:
    other = place(system, {tea: 2})
    becomes(system, other, "confirmed")
    waiting = wait_for(system, tea, 1)
    done(post(system, f"orders/{other}/fulfilments"))
    done(post(system, f"orders/{other}/returns", {"lines": lines(**{tea: 1})}))
    becomes(system, waiting, "confirmed")
    assert numbers(system, tea) == (1, 1, 0)


def test_what_need_not_be_kept_any_more_goes_to_those_that_wait(system: System, tea: str) -> None:
    set_product(system, tea, safetyStock=2)
    waiting = wait_for(system, tea, 1)
    set_product(system, tea, safetyStock=1)
    becomes(system, waiting, "confirmed")


def test_what_is_carried_together_so_that_more_can_be_promised_goes_to_those_that_wait(system: System) -> None:
    tea, location = new_id("tea"), new_location(system)
    set_product(system, tea, safetyStock=1)
    set_stock(system, tea, 1)
    done(system.client.put(f"/api/gateway/stock/{tea}", json={"onHand": 1, "locationId": location}), 200)
    waiting = wait_for(system, tea, 1)
    move(system, tea, "transfer", quantity=1, fromLocationId=location, toLocationId="main")
    becomes(system, waiting, "confirmed")


def test_what_has_come_may_be_sent_off_while_the_rest_is_waited_for(system: System, tea: str) -> None:
    order_id = wait_for(system, tea, 5)
    order = done(post(system, f"orders/{order_id}/fulfilments"))
    assert (order["status"], order["fulfilment"]) == ("backordered", "partially-fulfilled")
    assert counters(order) == {tea: {"fulfilled": 2, "backordered": 3}}

    move(system, tea, "receive", quantity=3)

    assert counters(becomes(system, order_id, "confirmed")) == {tea: {"fulfilled": 2, "reserved": 3}}
    assert done(post(system, f"orders/{order_id}/fulfilments"))["fulfilment"] == "fulfilled"
    eventually(lambda: numbers(system, tea) == (0, 0, 0))


def test_an_order_that_gives_up_waiting_gets_nothing_and_gives_back_what_it_had(system: System, tea: str) -> None:
    first, second = wait_for(system, tea, 5), wait_for(system, tea, 1)
    done(post(system, f"orders/{first}/cancel"), 200)
    becomes(system, second, "confirmed")
    move(system, tea, "receive", quantity=10)
    eventually(lambda: numbers(system, tea) == (12, 1, 11))
    assert look_up(system, first)["status"] == "cancelled"


def test_a_line_that_waits_is_promised_the_day_on_which_its_last_unit_is_expected(system: System, tea: str) -> None:
    first, second = wait_for(system, tea, 5), wait_for(system, tea, 4)

    def expect(quantity: int, day: int) -> str:
        body = {"quantity": quantity, "expectedAt": f"2026-12-{day:02}T00:00:00Z"}
        return str(done(post(system, f"stock/{tea}/incoming", body))["incomingId"])

    def promised(order_id: str) -> str | None:
        moment = look_up(system, order_id)["lines"][0].get("promisedAt")
        return None if moment is None else str(moment)[8:10]

    assert promised(first) is None
    early = expect(4, day=1)
    eventually(lambda: promised(first) == "01")
    assert promised(second) is None
    expect(3, day=5)
    eventually(lambda: promised(second) == "05")

    body = {"quantity": 4, "expectedAt": "2026-12-09T00:00:00Z"}
    done(system.client.put(f"/api/gateway/stock/{tea}/incoming/{early}", json=body), 200)
    eventually(lambda: promised(first) == "05" and promised(second) == "09")

    move(system, tea, "receive", quantity=4, incomingId=early)
    order = becomes(system, first, "confirmed")
    assert "promisedAt" not in order["lines"][0]
    eventually(lambda: promised(second) == "05")
    assert "inventory.backorder-promised.v1" in {it["type"] for it in timeline(system, second)}


def test_deliveries_and_orders_at_once_leave_nobody_waiting_for_what_is_there(system: System) -> None:
    product = new_id()
    set_stock(system, product, 0)
    with ThreadPoolExecutor(20) as pool:
        placed = [pool.submit(place, system, {product: 2}, policy="backorder") for _ in range(40)]
        moved = [pool.submit(move, system, product, "receive", quantity=1) for _ in range(80)]
        orders = [it.result() for it in placed]
        for it in moved:
            it.result()
    for order_id in orders:
        becomes(system, order_id, "confirmed")
    assert numbers(system, product) == (80, 80, 0)
