"""How much of everything a run has."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

Say = Callable[[str], None]
"""Tells whoever waits what is being done."""


class Scale(NamedTuple):
    """How much of everything.

    Attributes:
        connections: of the load generator, each number in a round of its own.
        rounds: of each case.
        seconds: length of a round's load.
        products: in the catalogue that checkouts choose from.
        orders: that are stored before something is measured, each number in a system of its own.
        buyers: who want one product at once.
    """

    connections: Sequence[int]
    rounds: int
    seconds: int
    products: int
    orders: Sequence[int]
    buyers: int

    def turns(self, cases: Sequence[str]) -> list[tuple[str, int]]:
        """Case and connections of each round.

        One comes again only after all others: what disturbs the machine then disturbs all alike.
        """
        return [(case, count) for _ in range(self.rounds) for count in self.connections for case in cases]
