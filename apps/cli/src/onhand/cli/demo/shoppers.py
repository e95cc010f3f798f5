"""What shoppers want: drawn before anything is asked, so the same seed makes the same wishes however fast it goes."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

from onhand.cli.demo.catalogue import Popularity, Product

_NAMES = (
    "Ada",
    "Ben",
    "Chloé",
    "Dmitri",
    "Elif",
    "Femi",
    "Grace",
    "Hiro",
    "Inés",
    "Jonas",
    "Kavya",
    "Liam",
    "Mei",
    "Noor",
)
_CUSTOMERS = 500
_POLICIES = ("backorder", "all-or-nothing", "ship-available")
_POLICY_WEIGHTS = (50, 35, 15)
_LINE_WEIGHTS = (60, 25, 15)
_HOLDS = 0.10
_WALKS_AWAY = 0.6
_CHANGES_MIND = 0.06
_SENDS_BACK = 0.08


class Visit(NamedTuple):
    """One shopper in the shop.

    Attributes:
        number: of the visit, from 1.
        name: what the shopper is called on the screen.
        quantities: by product.
        policy: what is to be done when there is too little.
        holds: puts the units aside first.
        walks_away: and then forgets them, so that the hold expires.
        changes_mind: cancels the order.
        sends_back: returns it after it was sent off.
    """

    number: int
    name: str
    customer_id: str
    quantities: Mapping[Product, int]
    policy: str
    holds: bool
    walks_away: bool
    changes_mind: bool
    sends_back: bool

    @property
    def lines(self) -> list[dict[str, object]]:
        """What is wanted, as the gateway reads it."""
        return [{"productId": product.product_id, "quantity": n} for product, n in self.quantities.items()]

    @property
    def wish(self) -> str:
        """What is wanted, for people."""
        (product, quantity), *more = self.quantities.items()
        return f"{quantity} x {product.name}" + (f" and {len(more)} more" if more else "")


def visits(tag: str, products: Sequence[Product], seed: int) -> Iterator[Visit]:
    """Draw one visit after the other, without an end.

    Args:
        tag: of the run; ids of customers begin with it.
        products: the most popular first.
        seed: the same one draws the same visits.
    """
    random = Random(seed)  # noqa: S311  # repeatable, and nobody's secret
    popularity = Popularity(products)
    number = 0
    while True:
        number += 1
        customer = random.randrange(_CUSTOMERS)
        chosen = popularity.choose(random, random.choices((1, 2, 3), _LINE_WEIGHTS)[0])
        holds = random.random() < _HOLDS
        yield Visit(
            number=number,
            name=_NAMES[customer % len(_NAMES)],
            customer_id=f"{tag}-customer-{customer:03}",
            quantities={product: random.randint(1, 4) for product in chosen},
            policy=random.choices(_POLICIES, _POLICY_WEIGHTS)[0],
            holds=holds,
            walks_away=holds and random.random() < _WALKS_AWAY,
            changes_mind=random.random() < _CHANGES_MIND,
            sends_back=random.random() < _SENDS_BACK,
        )
