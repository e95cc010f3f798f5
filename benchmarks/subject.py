"""What a round needs of a system, whoever wrote it; and how it gets that of ours."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from benchmarks.answers import errors_by_status
from benchmarks.basket import Basket
from benchmarks.ledger import Books, Ledger
from benchmarks.requests import Requests
from benchmarks.rest import wait_for_rest
from benchmarks.target import Target


class Subject(Protocol):
    """A system that can be loaded."""

    @property
    def url(self) -> str:
        """Where it takes requests."""

    @property
    def pids(self) -> Mapping[str, int]:
        """Its components that run on this machine and are known, by name."""

    @property
    def basket(self) -> Requests:
        """What is ordered, or asked for."""

    async def books(self) -> Books | None:
        """Count what is stored; None if nothing ever is."""

    async def errors(self) -> Counter[int]:
        """Answers of 400 and above so far, by status, of which only the system itself can tell."""

    async def settled_after(self, limit_seconds: float, ended: float) -> float | None:
        """Wait until all is done that was sent, see `Ledger.settled_after`."""


class Onhand(NamedTuple):
    """Our system, and its books."""

    target: Target
    ledger: Ledger

    @property
    def url(self) -> str:
        """Where it takes orders."""
        return self.target.url

    @property
    def pids(self) -> Mapping[str, int]:
        """Its components."""
        return self.target.pids

    @property
    def basket(self) -> Basket:
        """What is ordered."""
        return self.ledger.basket

    async def books(self) -> Books | None:
        """Count what is stored."""
        return await self.ledger.books()

    async def errors(self) -> Counter[int]:
        """Answers of 400 and above, as the gateway counts them."""
        return await errors_by_status(self.url)

    async def settled_after(self, limit_seconds: float, ended: float) -> float | None:
        """Wait until the gateway and all streams are at rest, and no order is pending."""
        await wait_for_rest(self.target.redis_url, limit_seconds, self.url)
        return await self.ledger.settled_after(limit_seconds, ended)


class Bookless(NamedTuple):
    """What stores nothing of what it is asked: there are no books, and nothing goes on when it has answered."""

    url: str
    pids: Mapping[str, int]
    basket: Requests

    async def books(self) -> Books | None:
        """There are none."""
        return None

    async def errors(self) -> Counter[int]:
        """The load generator counts them."""
        return Counter()

    async def settled_after(self, limit_seconds: float, ended: float) -> float | None:  # noqa: ARG002  # of the protocol
        """There is nothing to wait for."""
        return 0.0
