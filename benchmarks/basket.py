"""What is ordered under load."""

from collections.abc import Sequence
from itertools import cycle, islice
from random import Random
from typing import NamedTuple

import msgspec

from benchmarks.requests import PATH, Request

CUSTOMER = "cust-456"
_SHELF = 1000
"""Products that orders of several lines choose from."""
_DIFFERENT = 1000
"""Orders of several lines that differ; then they begin anew."""
_BATCHES = 10


class Basket(NamedTuple):
    """Orders that are sent one after the other, and again from the beginning.

    Attributes:
        products: all that is in them.
        bodies: of the requests.
        lines: of each order.
        batch: orders of each request; one is no batch.
    """

    products: tuple[str, ...]
    bodies: tuple[str, ...]
    lines: int = 1
    batch: int = 1

    @property
    def requests(self) -> Sequence[Request]:
        """One for each body."""
        path = PATH if self.batch == 1 else f"{PATH}/batch"
        return [Request("POST", path, body) for body in self.bodies]

    @property
    def sentence(self) -> str:
        """What is ordered, for people."""
        if self.lines == 1:
            return f"orders for one product, always {self.products[0]}"
        return f"orders of {self.lines} lines, chosen from {len(self.products):,} products"


ONE_PRODUCT = Basket(("123",), ('{"productId":"123","quantity":5,"customerId":"' + CUSTOMER + '"}',))
"""The same order again and again, so that everybody wants the same row of stock."""


def fill_basket(lines: int) -> Basket:
    """Orders of so many lines; the same ones each time."""
    if lines == 1:
        return ONE_PRODUCT
    random = Random(lines)  # noqa: S311  # repeatable, and nobody's secret
    products = tuple(f"bench-{number:04}" for number in range(_SHELF))
    bodies = tuple(_body(random, random.sample(products, lines)) for _ in range(_DIFFERENT))
    return Basket(products, bodies, lines)


def in_batches(basket: Basket, size: int) -> Basket:
    """The same orders, so many in each request."""
    orders = cycle(basket.bodies)
    bodies = tuple(f'{{"orders":[{",".join(islice(orders, size))}]}}' for _ in range(min(len(basket.bodies), _BATCHES)))
    return basket._replace(bodies=bodies, batch=size)


def _body(random: Random, products: list[str]) -> str:
    lines = [{"productId": product, "quantity": random.randint(1, 5)} for product in products]
    return msgspec.json.encode({"customerId": CUSTOMER, "lines": lines}).decode()
