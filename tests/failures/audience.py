"""Listeners to streams of events, and whether they are told what is in the log: each entry once, in turn."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import NamedTuple

from tests.e2e.databases import read
from tests.e2e.listening import Event, Listening, listening
from tests.e2e.system import System
from tests.e2e.waiting import eventually

_TOLD_WITHIN_SECONDS = 60
_LOG = """
    SELECT entry.turn::text, order_id::text, entry.version, customer_id
    FROM order_events AS entry JOIN orders USING (order_id)
"""


class Place(NamedTuple):
    """Where an entry is in the log of all orders, as the id of its event says."""

    turn: int
    order_id: str
    version: int


class Seat(NamedTuple):
    """What somebody listens to: all orders, or those of a customer, at one gateway after the other."""

    urls: list[str]
    customer: str = ""

    @property
    def name(self) -> str:
        """Who that is."""
        return f"who listens to {self.customer or 'everything'} at {' and '.join(self.urls)}"


@contextmanager
def audience(system: System, seats: Sequence[Seat]) -> Iterator[list[Listening]]:
    """Listen for the length of the block, and in the end hold what was told against what is on disk.

    Raises:
        AssertionError: somebody was told too little, too much, or in another order.
    """
    with ExitStack() as stack:
        listeners = [stack.enter_context(_listening(seat)) for seat in seats]
        yield listeners
        log = _read_log(system)
        for seat, client in zip(seats, listeners, strict=True):
            _until_told(client, _of(seat, log)[-1:])
        for client in listeners:
            client.leave()  # all of them, before the first is waited for
    log = _read_log(system)
    wrong = [
        f"{seat.name} {problem}"
        for seat, client in zip(seats, listeners, strict=True)
        for problem in wrong_with(_place(str(client.begun_at)), [*map(place_of, client.events)], _of(seat, log))
    ]
    assert not wrong, wrong


def place_of(event: Event) -> Place:
    """Where an event says that it is.

    Raises:
        AssertionError: it tells of another entry.
    """
    place = _place(event.position)
    assert place[1:] == event.step, f"{event.step} was told as {event.position}"
    return place


def wrong_with(begun_at: Place, told: Sequence[Place], log: Sequence[Place]) -> Iterator[str]:
    """Say what a listener was told too little, too much, or in another order.

    Args:
        begun_at: after which place it was to be told.
        told: what it was told, in the order in which that came.
        log: all that there is.
    """
    if twice := [place for place, times in Counter(told).items() if times > 1]:
        yield f"was told {len(twice)} entries more than once, such as {twice[0]}"
    if back := [(before, after) for before, after in pairwise(told) if after < before]:
        yield f"was told {len(back)} times of something earlier, such as {back[0][1]} after {back[0][0]}"
    due = {place for place in log if begun_at < place <= max(told, default=begun_at)}
    if missing := sorted(due - {*told}):
        yield f"was not told {len(missing)} entries, such as {missing[0]}"
    if made_up := sorted({*told} - due):
        yield f"was told {len(made_up)} entries that are not there, such as {made_up[0]}"


def _until_told(client: Listening, end: Sequence[Place]) -> None:
    """Wait until a listener has come to what was the end of the log."""
    eventually(
        lambda: not end or (client.events and place_of(client.events[-1]) >= end[0]), seconds=_TOLD_WITHIN_SECONDS
    )


@contextmanager
def _listening(seat: Seat) -> Iterator[Listening]:
    query = {"customerId": seat.customer} if seat.customer else {}
    with listening(seat.urls, **query) as client:
        yield client


def _read_log(system: System) -> list[tuple[Place, str]]:
    """Every entry, in turn, with the customer whose order it is about."""
    rows = read(system, "orders", _LOG)
    return sorted((Place(int(row["turn"]), row["order_id"], row["version"]), row["customer_id"]) for row in rows)


def _of(seat: Seat, log: Sequence[tuple[Place, str]]) -> list[Place]:
    return [place for place, customer in log if seat.customer in {"", customer}]


def _place(position: str) -> Place:
    turn, _, rest = position.partition("-")
    order_id, _, version = rest.rpartition("-")
    return Place(int(turn), order_id, int(version))
