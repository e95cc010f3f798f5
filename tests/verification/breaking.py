"""What is in the books of `conftest.py`, and what it is to break something of it."""

import re
from typing import NamedTuple
from uuid import UUID

TEA = UUID(int=1)
"""An order for three of ten tea, confirmed."""
MILK = UUID(int=2)
"""An order for nine of milk, rejected, because there is one."""
WAITING, LATER = UUID(int=3), UUID(int=4)
"""Orders for five of jam and for one: the first has got two at once and one later, and both wait for the rest."""
SENT, PARCEL, RETURN = UUID(int=5), UUID(int=6), UUID(int=7)
"""An order for one tea and two of cake, the fulfilment by which the cake was sent, and the return of one of them."""
CANCELLED = UUID(int=8)
"""An order for two of tea, cancelled."""
HELD, USED, USER = UUID(int=9), UUID(int=10), UUID(int=11)
"""A hold of one cake; a hold of three cakes, and the order for two that has used it."""
RELEASED, ENDED = UUID(int=12), UUID(int=13)
"""A hold of one cake that was released, and an order for one that names it, and so had to compete."""


class Broken(NamedTuple):
    """Something that is broken on purpose.

    Attributes:
        service: in whose database.
        how: by which statements.
        found: for each invariant that is violated by it, of which subject what has to be said.
    """

    service: str
    how: str
    found: dict[str, tuple[object, str]]

    @property
    def statements(self) -> str:
        """How, with the ids that it names as `:TEA`."""
        return re.sub(r"(?<!:):([A-Z]+)", lambda found: f"'{globals()[found[1]]}'", self.how)
