"""A shop: what it asks of the gateway, in few words, and what it is told."""

from typing import Any
from uuid import uuid4

import httpx

from tests.e2e.system import System
from tests.e2e.traffic import look_up, patiently, stock
from tests.e2e.waiting import eventually

API = "/api/gateway"
NOBODY = "01a206cd-427d-77a1-8aa6-7ee7769e5ae9"
"""An id that no order and no reservation has."""


def new_id(kind: str = "product") -> str:
    """An id that no other test knows."""
    return f"{kind}-{uuid4()}"


def lines(**units: int) -> list[dict[str, Any]]:
    """Lines as JSON has them."""
    return [{"productId": product_id, "quantity": quantity} for product_id, quantity in units.items()]


def post(
    system: System, path: str, body: object = None, *, key: str | None = None, actor: str | None = None
) -> httpx.Response:
    """Send something, under a key or not."""
    given = {b"Idempotency-Key": key and f'"{key}"', b"X-Actor": actor}
    headers = {name: value.encode() for name, value in given.items() if value}
    return system.client.post(f"{API}/{path}", json=body, headers=headers)


def done(response: httpx.Response, status: int = 201) -> dict[str, Any]:
    """What is said of something that is done."""
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body


def read(system: System, path: str, **query: object) -> dict[str, Any]:
    """What is there, as soon as there is somebody to tell it."""
    parameters = {name: str(value) for name, value in query.items()}
    found: dict[str, Any] = patiently(lambda: system.client.get(f"{API}/{path}", params=parameters))
    return found


def place(system: System, units: dict[str, int], **fields: object) -> str:
    """Order units of products; returns the order's id."""
    order_id: str = done(post(system, "orders", {"customerId": "cust-456", "lines": lines(**units)} | fields))[
        "orderId"
    ]
    return order_id


def becomes(system: System, order_id: str, status: str) -> dict[str, Any]:
    """Wait until an order has a status; returns all that is told of it then."""
    return eventually(lambda: order if (order := look_up(system, order_id))["status"] == status else None)


def counters(order: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Where the units of an order are, by product; counters that are 0 are left out."""
    names = ("reserved", "backordered", "fulfilled", "returned", "cancelled")
    return {line["productId"]: {name: line[name] for name in names if line[name]} for line in order["lines"]}


def move(system: System, product: str, kind: str, **fields: object) -> dict[str, Any]:
    """Move stock."""
    return done(post(system, f"stock/{product}/movements", {"type": kind} | fields))


def set_product(system: System, product: str, **fields: object) -> None:
    """Say what a product is."""
    done(system.client.put(f"{API}/products/{product}", json=fields), 200)


def new_location(system: System, priority: int = 100) -> str:
    """Open a location that no other test knows; returns its id."""
    location = new_id("place")
    done(system.client.put(f"{API}/locations/{location}", json={"priority": priority}), 200)
    return location


def hold(system: System, units: dict[str, int], ttl_seconds: int = 600) -> str:
    """Hold units of products; returns the reservation's id."""
    body = {"lines": lines(**units), "ttlSeconds": ttl_seconds}
    reservation_id: str = done(post(system, "reservations", body))["reservationId"]
    return reservation_id


def state_of(system: System, reservation_id: str) -> str:
    """How a hold stands."""
    return str(read(system, f"reservations/{reservation_id}")["state"])


def numbers(system: System, product: str) -> tuple[int, int, int]:
    """How many units are on hand, reserved and available."""
    level = stock(system, product)
    return level["onHand"], level["reserved"], level["available"]


def at_locations(system: System, product: str) -> dict[str, tuple[int, int]]:
    """How many units are on hand and reserved, by location; where there is nothing is left out."""
    levels = stock(system, product)["locations"]
    return {it["locationId"]: (it["onHand"], it["reserved"]) for it in levels if it["onHand"]}


def explain(system: System, product: str, **query: object) -> dict[str, Any]:
    """Ask why a product's numbers are what they are."""
    return read(system, f"stock/{product}/explain", **query)


def timeline(system: System, order_id: str) -> list[dict[str, Any]]:
    """What has happened to an order."""
    events: list[dict[str, Any]] = read(system, f"orders/{order_id}/events")["events"]
    return events
