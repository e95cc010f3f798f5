"""What can be asked of the gateway besides placing and looking up orders, as requests that can be sent again.

The key goes along as `Idempotency-Key`, and as the client's own reference or reason: by it the effect is found on disk.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tests.failures.history import Lines

_API = "/api/gateway"


class Errand(NamedTuple):
    """One request; see `Deed`."""

    verb: str
    subject: str
    key: str
    method: str
    path: str
    body: Mapping[str, Any]


def cancel(order_id: str, key: str) -> Errand:
    """Give an order up."""
    return Errand("cancel", order_id, key, "POST", f"{_API}/orders/{order_id}/cancel", {"reason": key})


def fulfil(order_id: str, key: str, lines: Lines = ()) -> Errand:
    """Send off some of an order, or all that is reserved."""
    body = {"reference": key} | ({"lines": as_json(lines)} if lines else {})
    return Errand("fulfil", order_id, key, "POST", f"{_API}/orders/{order_id}/fulfilments", body)


def take_back(order_id: str, key: str, *, restock: bool = True, lines: Lines = ()) -> Errand:
    """Take back some of an order, or all that was sent."""
    body = {"reason": key, "restock": restock} | ({"lines": as_json(lines)} if lines else {})
    return Errand("return", order_id, key, "POST", f"{_API}/orders/{order_id}/returns", body)


def move(product: str, key: str, kind: str, **fields: int | str) -> Errand:
    """Receive, adjust, count or transfer stock."""
    body = {"type": kind, "reference": key, **fields}
    return Errand(kind, product, key, "POST", f"{_API}/stock/{product}/movements", body)


def expect(product: str, key: str, quantity: int, location: str) -> Errand:
    """Announce a delivery for tomorrow."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    body = {"quantity": quantity, "expectedAt": tomorrow, "locationId": location, "reference": key}
    return Errand("expect", product, key, "POST", f"{_API}/stock/{product}/incoming", body)


def hold(key: str, lines: Lines, ttl_seconds: int) -> Errand:
    """Hold units for a while."""
    body = {"lines": as_json(lines), "ttlSeconds": ttl_seconds, "reference": key}
    return Errand("hold", "", key, "POST", f"{_API}/reservations", body)


def extend(hold_id: str, key: str, ttl_seconds: int) -> Errand:
    """Hold for longer."""
    return Errand("extend", hold_id, key, "POST", f"{_API}/reservations/{hold_id}/extend", {"ttlSeconds": ttl_seconds})


def release(hold_id: str, key: str) -> Errand:
    """Hold no longer."""
    return Errand("release", hold_id, key, "DELETE", f"{_API}/reservations/{hold_id}", {})


def see_hold(hold_id: str, key: str) -> Errand:
    """See how a hold stands."""
    return Errand("see-hold", hold_id, key, "GET", f"{_API}/reservations/{hold_id}", {})


def as_json(lines: Lines) -> list[dict[str, Any]]:
    """Lines as the gateway wants them."""
    return [{"productId": product, "quantity": quantity} for product, quantity in lines]
