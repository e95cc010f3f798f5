"""What is sent to a gateway under load."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

PATH = "/api/gateway/orders"


class Request(NamedTuple):
    """One request; its body is JSON in one line, or there is none."""

    method: str
    path: str
    body: str = ""


class Requests(Protocol):
    """Requests that are sent one after the other, and again from the beginning."""

    @property
    def requests(self) -> Sequence[Request]:
        """All of them."""

    @property
    def batch(self) -> int:
        """How many orders each of them counts for; one is no batch."""


class Questions(NamedTuple):
    """Requests that only ask for something.

    Attributes:
        paths: of what is asked for, with their queries.
    """

    paths: Sequence[str]
    batch: int = 1

    @property
    def requests(self) -> Sequence[Request]:
        """One for each path."""
        return [Request("GET", path) for path in self.paths]
