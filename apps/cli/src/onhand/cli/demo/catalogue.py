"""What the demo's shop sells, and how popular each of it is."""

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple

_SHELVES = (
    ("Earl Grey", 14),
    ("Sencha", 9),
    ("Espresso beans", 30),
    ("Teapot", 18),
    ("Honey", 45),
    ("Rooibos", 12),
    ("Oat biscuits", 24),
    ("Mug, blue", 60),
    ("Matcha", 8),
    ("Marmalade", 36),
    ("Tea strainer", 90),
    ("Cocoa", 20),
)
"""Each product's name, and for about how many seconds of the demo a full shelf lasts; the most popular first."""
_UNITS_A_SHOPPER = 3.7
"""As `shoppers.visits` draws them, in the mean."""


class Product(NamedTuple):
    """One product of the shop.

    Attributes:
        product_id: carries the tag of the run, so that no other product has it.
        full: units on a full shelf, and of a delivery.
    """

    product_id: str
    name: str
    full: int


def make_catalogue(tag: str, rate: float) -> tuple[Product, ...]:
    """Return the products of one run, the most popular first.

    Args:
        tag: of the run; every id begins with it.
        rate: shoppers a second; shelves are as large as they have to be to run out now and then.
    """
    whole = sum(1 / rank for rank in range(1, len(_SHELVES) + 1))
    return tuple(
        Product(f"{tag}-{rank:02}", name, max(4, round(rate * _UNITS_A_SHOPPER / (rank * whole) * lasts_seconds)))
        for rank, (name, lasts_seconds) in enumerate(_SHELVES, 1)
    )


class Popularity:
    """Zipf's law: the product of rank n is chosen with a weight of 1/n.

    Source: G. K. Zipf, Human Behavior and the Principle of Least Effort, 1949.
    """

    def __init__(self, products: Sequence[Product]) -> None:
        self._products = products
        self._weights = list(accumulate(1 / rank for rank in range(1, len(products) + 1)))

    def choose(self, random: Random, count: int) -> list[Product]:
        """Return different products, so many at most: what is chosen twice is put in once."""
        return list(dict.fromkeys(random.choices(self._products, cum_weights=self._weights, k=count)))
