"""Stock comes, goes, is counted and is carried elsewhere; each time there is an entry that says so."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.e2e.problems import problem
from tests.e2e.shop import (
    at_locations,
    becomes,
    done,
    explain,
    move,
    new_id,
    new_location,
    numbers,
    place,
    post,
    set_product,
)
from tests.e2e.system import System
from tests.e2e.traffic import set_stock
from tests.e2e.verification import verify
from tests.e2e.waiting import eventually

MOST = 2**31 - 1


@pytest.fixture
def tea(system: System) -> str:
    """A product of which there are ten."""
    product = new_id("tea")
    set_stock(system, product, 10)
    return product


def test_what_is_received_makes_a_product_known(system: System) -> None:
    product = new_id()
    receipt = move(system, product, "receive", quantity=5, reference="delivery 9")
    assert (receipt["type"], receipt["productId"]) == ("receive", product)
    assert receipt["entries"] == [{"locationId": "main", "quantity": 5, "onHand": 5}]
    assert numbers(system, product) == (5, 0, 5)


@pytest.mark.parametrize(
    ("kind", "fields", "quantity", "on_hand"),
    [
        ("receive", {"quantity": 5}, 5, 15),
        ("adjust", {"quantity": -3}, -3, 7),
        ("adjust", {"quantity": 2}, 2, 12),
        ("count", {"onHand": 12}, 2, 12),
        ("count", {"onHand": 10}, 0, 10),
        ("count", {"onHand": 0}, -10, 0),
    ],
)
def test_a_movement_says_what_it_did(
    system: System, tea: str, kind: str, fields: dict[str, int], quantity: int, on_hand: int
) -> None:
    receipt = move(system, tea, kind, **fields)
    assert receipt["entries"] == [{"locationId": "main", "quantity": quantity, "onHand": on_hand}]
    assert numbers(system, tea) == (on_hand, 0, on_hand)


def test_units_are_carried_from_one_location_to_another(system: System, tea: str) -> None:
    place = new_location(system)
    receipt = move(system, tea, "transfer", quantity=4, fromLocationId="main", toLocationId=place)
    assert receipt["entries"] == [
        {"locationId": "main", "quantity": -4, "onHand": 6},
        {"locationId": place, "quantity": 4, "onHand": 4},
    ]
    assert at_locations(system, tea) == {"main": (6, 0), place: (4, 0)}
    assert numbers(system, tea) == (10, 0, 10)


def test_an_entry_says_who_and_why(system: System, tea: str) -> None:
    body = {"type": "adjust", "quantity": -1, "reason": "broken\nin transit", "reference": "report 3"}
    receipt = done(post(system, f"stock/{tea}/movements", body, key="7", actor="Zoë"))
    entry = explain(system, tea)["movements"][0]
    assert {name: entry[name] for name in ("reason", "reference", "actor", "idempotencyKey", "movementId")} == {
        "reason": body["reason"],
        "reference": "report 3",
        "actor": "Zoë",
        "idempotencyKey": "7",
        "movementId": receipt["movementId"],
    }


@pytest.mark.parametrize(
    ("body", "code", "pointer", "state"),
    [
        ({"type": "adjust", "quantity": -7}, "on-hand-below-reserved", "/quantity", "10 on hand, 4 reserved"),
        ({"type": "count", "onHand": 3}, "on-hand-below-reserved", "/onHand", "10 on hand, 4 reserved"),
        ({"type": "receive", "quantity": MOST}, "too-much-stock", "/quantity", "10 on hand"),
        ({"type": "adjust", "quantity": MOST}, "too-much-stock", "/quantity", "10 on hand"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    system: System, tea: str, body: dict[str, object], code: str, pointer: str, state: str
) -> None:
    becomes(system, place(system, {tea: 4}), "confirmed")
    refused = problem(post(system, f"stock/{tea}/movements", body), 409)
    assert (refused["type"], refused["state"]) == (f"urn:onhand:problem:{code}", state)
    assert [it["pointer"] for it in refused["errors"]] == [pointer]
    assert numbers(system, tea) == (10, 4, 6)


def test_the_units_of_all_locations_together_can_be_counted(system: System, tea: str) -> None:
    location = new_location(system)
    move(system, tea, "receive", quantity=MOST - 10, locationId=location)
    body = {"type": "receive", "quantity": 1}
    assert problem(post(system, f"stock/{tea}/movements", body), 409)["title"] == "Too much stock"
    put = system.client.put(f"/api/gateway/stock/{tea}", json={"onHand": 11})
    assert problem(put, 409)["title"] == "Too much stock"
    assert numbers(system, tea) == (MOST, 0, MOST)


def test_reserved_units_stay_where_they_are(system: System, tea: str) -> None:
    location = new_location(system)
    becomes(system, place(system, {tea: 4}), "confirmed")
    body = {"type": "transfer", "quantity": 7, "fromLocationId": "main", "toLocationId": location}
    refused = problem(post(system, f"stock/{tea}/movements", body), 409)
    assert refused["type"] == "urn:onhand:problem:insufficient-stock"
    move(system, tea, "transfer", quantity=6, fromLocationId="main", toLocationId=location)
    assert at_locations(system, tea) == {"main": (4, 4), location: (6, 0)}


def test_the_safety_stock_may_be_carried_elsewhere(system: System, tea: str) -> None:
    set_product(system, tea, safetyStock=10)
    move(system, tea, "transfer", quantity=10, fromLocationId="main", toLocationId=new_location(system))


@pytest.mark.parametrize(
    "body",
    [
        {"type": "receive", "quantity": 1, "locationId": "nowhere"},
        {"type": "adjust", "quantity": 1, "locationId": "nowhere"},
        {"type": "count", "onHand": 1, "locationId": "nowhere"},
        {"type": "transfer", "quantity": 1, "fromLocationId": "main", "toLocationId": "nowhere"},
        {"type": "transfer", "quantity": 1, "fromLocationId": "nowhere", "toLocationId": "main"},
    ],
)
def test_a_location_that_nobody_knows_is_not_found(system: System, tea: str, body: dict[str, object]) -> None:
    refused = problem(post(system, f"stock/{tea}/movements", body), 404)
    assert refused["type"] == "urn:onhand:problem:location-not-found"
    put = system.client.put(f"/api/gateway/stock/{tea}", json={"onHand": 1, "locationId": "nowhere"})
    assert problem(put, 404)["type"] == "urn:onhand:problem:location-not-found"


@pytest.mark.parametrize(
    "body",
    [
        {"type": "adjust", "quantity": 1},
        {"type": "transfer", "quantity": 1, "fromLocationId": "main", "toLocationId": "nowhere"},
    ],
)
def test_a_product_that_nobody_knows_is_not_found(system: System, body: dict[str, object]) -> None:
    refused = problem(post(system, f"stock/{new_id()}/movements", body), 404)
    assert refused["type"] == "urn:onhand:problem:product-not-found"


def test_what_was_not_expected_is_not_received_as_such(system: System, tea: str) -> None:
    body = {"type": "receive", "quantity": 1, "incomingId": "01a206cd-427d-77a1-8aa6-7ee7769e5ae9"}
    refused = problem(post(system, f"stock/{tea}/movements", body), 404)
    assert refused["type"] == "urn:onhand:problem:incoming-not-found"
    assert numbers(system, tea) == (10, 0, 10)


def test_what_is_expected_is_told_until_it_is_received(system: System, tea: str) -> None:
    body = {"quantity": 20, "expectedAt": "2026-12-01T09:00:00+01:00", "reference": "order 12"}
    response = post(system, f"stock/{tea}/incoming", body)
    coming = done(response)
    assert response.headers["location"] == f"/api/gateway/stock/{tea}/incoming/{coming['incomingId']}"
    assert (coming["locationId"], coming["expectedAt"]) == ("main", "2026-12-01T08:00:00Z")
    assert system.client.get(f"/api/gateway/stock/{tea}").json()["incoming"] == 20

    move(system, tea, "receive", quantity=15, incomingId=coming["incomingId"])
    assert system.client.get(f"/api/gateway/stock/{tea}").json()["incoming"] == 5

    later = {"quantity": 4, "expectedAt": "2026-12-02T09:00:00Z"}
    changed = done(system.client.put(response.headers["location"], json=later), 200)
    assert (changed["quantity"], changed["expectedAt"]) == (4, "2026-12-02T09:00:00Z")
    assert [it["quantity"] for it in explain(system, tea)["incoming"]] == [4]


def test_what_is_expected_is_there_to_look_at_also_when_it_has_come(system: System, tea: str) -> None:
    body = {"quantity": 5, "expectedAt": "2020-01-01T00:00:00Z"}  # overdue
    response = post(system, f"stock/{tea}/incoming", body)
    where, coming = response.headers["location"], done(response)
    assert done(system.client.get(where), 200) == coming
    assert coming["state"] == "expected"

    move(system, tea, "receive", quantity=5, incomingId=coming["incomingId"])
    assert done(system.client.get(where), 200) == coming | {"quantity": 0, "state": "received"}
    refused = problem(system.client.put(where, json=body), 409)
    assert (refused["type"], refused["state"]) == ("urn:onhand:problem:incoming-state", "received")
    assert system.client.get(f"/api/gateway/stock/{tea}").json()["incoming"] == 0
    assert problem(system.client.get(where.replace(tea, new_id("tea"))), 404)["title"] == "Incoming not found"


def test_what_is_withdrawn_may_be_expected_again(system: System, tea: str) -> None:
    where, body = f"/api/gateway/stock/{tea}/incoming/{uuid4()}", {"expectedAt": "2026-12-01T08:00:00Z"}
    for units, status, state in ((5, 201, "expected"), (0, 200, "withdrawn"), (3, 200, "expected")):
        told = done(system.client.put(where, json=body | {"quantity": units}), status)
        assert (told["quantity"], told["state"]) == (units, state)
        assert done(system.client.get(where), 200) == told


def test_what_comes_back_is_booked_also_if_nobody_could_ask_for_so_much(system: System) -> None:
    product = new_id()
    set_stock(system, product, MOST)
    order_id = place(system, {product: 3})
    becomes(system, order_id, "confirmed")
    done(post(system, f"orders/{order_id}/fulfilments"))
    eventually(lambda: numbers(system, product) == (MOST - 3, 0, MOST - 3))
    move(system, product, "receive", quantity=3)
    done(post(system, f"orders/{order_id}/returns"))
    eventually(lambda: numbers(system, product) == (MOST + 3, 0, MOST + 3))
    told = explain(system, product)
    assert (told["onHand"], told["movements"][0]["type"], told["movements"][0]["onHand"]) == (
        MOST + 3,
        "return",
        MOST + 3,
    )

    body = {"type": "receive", "quantity": 1}
    refused = problem(post(system, f"stock/{product}/movements", body), 409)
    assert refused["type"] == "urn:onhand:problem:too-much-stock"
    becomes(system, place(system, {product: MOST}), "confirmed")
    code, verdict = verify(system)
    assert (code, verdict["holds"]) == (0, True), verdict
    assert move(system, product, "adjust", quantity=-3)["entries"][0]["onHand"] == MOST


def test_products_and_locations_are_what_was_said_of_them_last(system: System, tea: str) -> None:
    path = f"/api/gateway/products/{tea}"
    assert done(system.client.get(path), 200) == {"productId": tea, "safetyStock": 0, "backorderable": True}
    said = {"name": "Tea 🍵", "lowStockThreshold": 5, "safetyStock": 2, "backorderable": False}
    assert done(system.client.put(path, json=said), 200) == {"productId": tea} | said
    assert done(system.client.get(path), 200) == {"productId": tea} | said
    assert done(system.client.put(path, json={}), 200) == {"productId": tea, "safetyStock": 0, "backorderable": True}
    problem(system.client.get(f"/api/gateway/products/{new_id()}"), 404)

    location = new_location(system, priority=7)
    said = {"name": "The shop", "priority": 3}
    done(system.client.put(f"/api/gateway/locations/{location}", json=said), 200)
    listed = done(system.client.get("/api/gateway/locations"), 200)["locations"]
    assert {"locationId": location} | said in listed
    assert [it["priority"] for it in listed] == sorted(it["priority"] for it in listed)


def test_units_are_carried_away_or_sold_and_never_both(system: System, tea: str) -> None:
    location = new_location(system)
    body = {"type": "transfer", "quantity": 1, "fromLocationId": "main", "toLocationId": location}
    with ThreadPoolExecutor(20) as pool:
        moved = [pool.submit(post, system, f"stock/{tea}/movements", body) for _ in range(15)]
        ordered = [pool.submit(place, system, {tea: 1}) for _ in range(10)]
        statuses = [it.result().status_code for it in moved]
        orders = [becomes(system, it.result(), "confirmed") for it in ordered]
    levels = at_locations(system, tea)
    assert set(statuses) <= {201, 409}
    assert levels.get(location, (0, 0))[0] == statuses.count(201)
    assert sum(on_hand for on_hand, _ in levels.values()) == 10
    assert sum(reserved for _, reserved in levels.values()) == len(orders) == 10
