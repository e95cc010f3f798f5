"""What shoppers have in their carts at checkout: random, and the same in each run."""

from collections.abc import Sequence
from itertools import accumulate
from random import Random

import msgspec

from benchmarks.basket import CUSTOMER, Basket

MOST_LINES = 10
MOST_UNITS = 10
_DIFFERENT = 50_000
"""Carts that differ; then they begin anew. So many that most products of a large catalogue are in one."""
_SEED = 2025


def product_ids(count: int) -> tuple[str, ...]:
    """The products of a catalogue."""
    return tuple(f"catalogue-{number:06}" for number in range(count))


def fill_carts(products: Sequence[str], *, by_zipf: bool) -> Basket:
    """Orders of 1 to 10 lines, each number as often as another, of 1 to 10 units each.

    Args:
        products: to choose from.
        by_zipf: the second of them is wanted half as often as the first, the third a third as often, and so on
            (Zipf's law with the exponent 1); otherwise each is wanted as often as another.
    """
    random = Random(_SEED)  # noqa: S311  # repeatable, and nobody's secret
    ranks = random.sample(products, len(products))  # those that are wanted most are not beside each other in an index
    weights = list(accumulate(1 / rank if by_zipf else 1.0 for rank in range(1, len(ranks) + 1)))
    most = min(MOST_LINES, len(products))
    bodies = []
    for _ in range(_DIFFERENT):
        chosen: dict[str, int] = {}
        lines = random.randint(1, most)
        while len(chosen) < lines:
            chosen.setdefault(random.choices(ranks, cum_weights=weights)[0], random.randint(1, MOST_UNITS))
        bodies.append(_body(chosen))
    return Basket(tuple(products), tuple(bodies))


def _body(chosen: dict[str, int]) -> str:
    lines = [{"productId": product, "quantity": quantity} for product, quantity in chosen.items()]
    return msgspec.json.encode({"customerId": CUSTOMER, "lines": lines}).decode()
