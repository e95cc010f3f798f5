"""What the README lets a person try, in small steps."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from redis import Redis

from tests.e2e.messages import payloads
from tests.e2e.shop import numbers
from tests.e2e.system import SERVICES, System
from tests.e2e.traffic import look_up, order, place_order, set_stock, settled, stock
from tests.e2e.waiting import eventually

SEED_REQUEST = {"productId": "123", "quantity": 5, "customerId": "cust-456"}
STORY = {
    "orders.create-order.v2": "/gateway",
    "orders.order-created.v2": "/orders",
    "inventory.stock-reserved.v1": "/inventory",
    "orders.order-confirmed.v1": "/orders",
}
"""The messages of an order that gets its units, in order, and who sends each."""


@pytest.fixture
def kept_messages(system: System) -> Iterator[None]:
    """Keep what passes over the streams: a group that reads nothing needs everything."""
    with Redis.from_url(system.redis_url) as redis:
        keys = list(redis.scan_iter(_type="stream"))
        for key in keys:
            redis.xgroup_create(key, "test", id="0")
        yield
        for key in keys:
            redis.xgroup_destroy(key, "test")


def messages_about(system: System, subject: str) -> dict[str, dict[str, Any]]:
    """The messages on all streams about one thing, by type."""
    with Redis.from_url(system.redis_url) as redis:
        messages = [json.loads(it) for key in redis.scan_iter(_type="stream") for it in payloads(redis, key)]
    return {message["type"]: message for message in messages if message["subject"] == subject}


def test_the_request_of_the_seed_is_answered_as_the_seed_answers_it_and_confirmed_a_moment_later(
    system: System, product: str
) -> None:
    set_stock(system, product, 10)

    response = system.client.post("/api/gateway/orders", json=SEED_REQUEST | {"productId": product})

    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body == {"orderId": body["orderId"], "productId": product, "quantity": 5, "status": "pending"}
    assert UUID(body["orderId"]).version == 7
    assert response.headers["location"] == f"/api/gateway/orders/{body['orderId']}"
    details = settled(system, body["orderId"])
    assert details["status"] == "confirmed"
    assert "reason" not in details
    assert numbers(system, product) == (10, 5, 5)


def test_setting_stock_is_answered_with_what_there_is_then(system: System, product: str) -> None:
    answer = system.client.put(f"/api/gateway/stock/{product}", json={"onHand": 10})
    assert (answer.status_code, answer.json()) == (
        200,
        {"productId": product, "onHand": 10, "reserved": 0, "available": 10},
    )


def test_the_location_of_a_new_order_leads_to_all_that_is_known_of_it(system: System, product: str) -> None:
    location = order(system, product, 3).headers["location"]

    details = system.client.get(location).json()

    assert details["orderId"] == location.rpartition("/")[2]
    assert [(line["productId"], line["ordered"]) for line in details["lines"]] == [(product, 3)]
    assert details["customerId"] == "cust-456"
    created, updated = (datetime.fromisoformat(details[name]) for name in ("createdAt", "updatedAt"))
    assert created <= updated
    assert created.tzinfo is not None


def test_an_order_for_more_than_there_is_ends_rejected_and_holds_nothing(system: System, product: str) -> None:
    set_stock(system, product, 4)
    details = settled(system, place_order(system, product, 5))
    assert (details["status"], details["reason"]) == ("rejected", "insufficient-stock")
    assert details["lines"][0]["available"] == 4
    assert stock(system, product)["available"] == 4


def test_an_order_for_a_product_nobody_knows_ends_rejected(system: System, product: str) -> None:
    details = settled(system, place_order(system, product))
    assert (details["status"], details["reason"]) == ("rejected", "unknown-product")


def test_the_last_unit_can_be_ordered_and_no_more(system: System, product: str) -> None:
    set_stock(system, product, 1)
    assert settled(system, place_order(system, product))["status"] == "confirmed"
    assert settled(system, place_order(system, product))["status"] == "rejected"
    assert numbers(system, product) == (1, 1, 0)


def test_a_delivery_makes_new_orders_possible(system: System, product: str) -> None:
    set_stock(system, product, 0)
    assert settled(system, place_order(system, product))["status"] == "rejected"
    set_stock(system, product, 1)
    assert settled(system, place_order(system, product))["status"] == "confirmed"


@pytest.mark.parametrize(("quantity", "in_stock"), [(1, True), (3, True), (4, False), (2**31 - 1, False)])
def test_stock_tells_whether_a_quantity_is_available_when_asked(
    system: System, product: str, quantity: int, in_stock: bool
) -> None:
    set_stock(system, product, 3)
    level = system.client.get(f"/api/gateway/stock/{product}", params={"quantity": quantity}).json()
    here = {"onHand": 3, "reserved": 0, "available": 3, "incoming": 0, "safetyStock": 0}
    assert level == {
        "productId": product,
        **here,
        "availableToPromise": 3,
        "locations": [{"locationId": "main", **here}],
        "inStock": in_stock,
    }


def test_on_hand_cannot_be_set_below_what_is_reserved(system: System, product: str) -> None:
    set_stock(system, product, 10)
    settled(system, place_order(system, product, 7))

    response = system.client.put(f"/api/gateway/stock/{product}", json={"onHand": 6})

    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:onhand:problem:on-hand-below-reserved"
    assert stock(system, product)["onHand"] == 10
    set_stock(system, product, 7)
    assert stock(system, product)["available"] == 0


@pytest.mark.parametrize("product_id", ["tea 🍵", "100%", "a.b-c_d~e", "?#&=+", "x" * 128, "..;", "日本"])
def test_a_product_id_may_be_any_printable_text(system: System, product_id: str) -> None:
    path = httpx.URL(system.url("gateway")).copy_with(
        raw_path=b"/api/gateway/stock/" + "".join(f"%{byte:02x}" for byte in product_id.encode()).encode()
    )
    assert system.client.put(path, json={"onHand": 2}).json()["productId"] == product_id
    assert settled(system, place_order(system, product_id, 2))["status"] == "confirmed"
    assert system.client.get(path).json()["reserved"] == 2


def test_a_status_once_seen_never_goes_back(system: System, product: str) -> None:
    set_stock(system, product, 100)
    for order_id in [place_order(system, product) for _ in range(10)]:
        seen = [look_up(system, order_id)["status"] for _ in range(20)]
        assert seen == sorted(seen, reverse=True), "'pending' comes before 'confirmed'"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_says_that_it_lives_and_what_it_needs(system: System, service: str) -> None:
    live = system.client.get(f"{system.url(service)}/health/live")
    assert (live.status_code, live.json()) == (200, {"status": "live", "service": service})
    ready = system.client.get(f"{system.url(service)}/health/ready")
    assert ready.status_code == 200
    needs = {"redis", "replies"} if service == "gateway" else {"redis", "database", "work"}
    assert ready.json() == {"status": "ready", "service": service, "checks": dict.fromkeys(needs, "ok")}


@pytest.mark.usefixtures("kept_messages")
def test_every_message_of_an_order_is_a_cloud_event_of_its_story(system: System, product: str) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    set_stock(system, product, 1)
    body = SEED_REQUEST | {"productId": product, "quantity": 1}
    headers = {"traceparent": trace, "x-actor": "anna"}
    order_id = system.client.post("/api/gateway/orders", json=body, headers=headers).json()["orderId"]

    eventually(lambda: messages_about(system, order_id).keys() == STORY.keys())

    story = messages_about(system, order_id)
    assert {kind: message["source"] for kind, message in story.items()} == STORY
    for message in story.values():
        assert message["specversion"] == "1.0"
        assert message["datacontenttype"] == "application/json"
        assert message["subject"] == message["correlationid"] == message["data"]["orderId"] == order_id
        assert datetime.fromisoformat(message["time"]).tzinfo is not None
        assert message["traceparent"] == trace
        assert message["actor"] == "anna"
    ids = [story[kind]["id"] for kind in STORY]
    assert len(set(ids)) == len(STORY)
    assert [story[kind].get("causationid") for kind in STORY] == [None, *ids[:-1]], "each follows from the one before"
