"""Batches of orders and of changes of stock, and what is said of each item."""

from typing import Any

from tests.e2e.shop import done, post
from tests.e2e.system import System


def batch_order(product: str, quantity: int = 1, **fields: object) -> dict[str, Any]:
    """An order as it stands in a batch."""
    return {"customerId": "cust-456", "productId": product, "quantity": quantity} | fields


def place_all(system: System, orders: list[Any], key: str | None = None) -> list[dict[str, Any]]:
    """What is said of each order of a batch."""
    results: list[dict[str, Any]] = done(post(system, "orders/batch", {"orders": orders}, key=key), 200)["results"]
    return results


def change_all(system: System, items: list[Any], key: str | None = None) -> list[dict[str, Any]]:
    """What is said of each change of stock of a batch."""
    results: list[dict[str, Any]] = done(post(system, "stock/batch", {"items": items}, key=key), 200)["results"]
    return results
