"""Customers: what they do over HTTP, one at a time or without a pause."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.e2e.system import System
from tests.e2e.waiting import eventually


def patiently(ask: Callable[[], httpx.Response]) -> Any:  # noqa: ANN401  # JSON
    """Ask, and ask again as long as nobody is there or the answer is to try later; returns the body.

    Only for what may be asked twice.
    """

    last: object = None

    def answer() -> httpx.Response | None:
        nonlocal last
        try:
            response = ask()
        except httpx.TransportError as error:
            last = error
            return None
        last = response.text
        return None if response.status_code in {503, 504} else response

    try:
        return eventually(answer).raise_for_status().json()
    except AssertionError as error:
        error.add_note(f"the last answer: {last!r}")
        raise


def put(system: System, path: str, body: dict[str, Any]) -> None:
    """Say how something is."""
    patiently(lambda: system.client.put(f"/api/gateway/{path}", json=body))


def set_stock(system: System, product: str, on_hand: int, location: str = "main") -> None:
    """Say how many there are."""
    put(system, f"stock/{product}", {"onHand": on_hand, "locationId": location})


def stock(system: System, product: str) -> dict[str, Any]:
    """Ask how many there are."""
    level: dict[str, Any] = patiently(lambda: system.client.get(f"/api/gateway/stock/{product}"))
    return level


def order(system: System, product: str, quantity: int = 1) -> httpx.Response:
    """Place an order."""
    body = {"productId": product, "quantity": quantity, "customerId": "cust-456"}
    return system.client.post("/api/gateway/orders", json=body)


def place_order(system: System, product: str, quantity: int = 1) -> str:
    """Place an order that is accepted; returns its id."""
    response = order(system, product, quantity)
    assert response.status_code == 201, response.text
    order_id: str = response.json()["orderId"]
    return order_id


def look_up(system: System, order_id: str) -> dict[str, Any]:
    """See what became of an order."""
    found: dict[str, Any] = patiently(lambda: system.client.get(f"/api/gateway/orders/{order_id}"))
    return found


def settled(system: System, order_id: str) -> dict[str, Any]:
    """Wait for the end of an order, and see which it is."""
    eventually(lambda: look_up(system, order_id)["status"] != "pending")
    return look_up(system, order_id)


class Traffic:
    """One order after another.

    Attributes:
        accepted: ids of the orders that were answered 201.
        answers: how often each status came.
    """

    NO_ANSWER = 0

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.answers: Counter[int] = Counter()

    def go_on(self, orders: int = 20) -> None:
        """Wait until that many more orders were accepted."""
        goal = len(self.accepted) + orders
        eventually(lambda: len(self.accepted) >= goal)


@contextmanager
def traffic(system: System) -> Iterator[Traffic]:
    """Place orders for the length of the block: for plenty, for what runs out, and for what nobody knows."""
    set_stock(system, "plenty", 1_000_000)
    set_stock(system, "scarce", 50)
    result = Traffic()
    ended = threading.Event()

    def run() -> None:
        products = itertools.cycle(["plenty", "scarce", "plenty", "unknown"])
        while not ended.wait(0.01):
            try:
                response = order(system, next(products), quantity=2)
            except httpx.TransportError:
                result.answers[Traffic.NO_ANSWER] += 1
                continue
            result.answers[response.status_code] += 1
            if response.status_code == 201:
                result.accepted.append(response.json()["orderId"])

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield result
    finally:
        ended.set()
        thread.join()
    assert result.answers.keys() <= {201, 503, 504, Traffic.NO_ANSWER}, result.answers
