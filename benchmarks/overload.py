"""How much is still done when three times as much comes as can be done: goodput beside the best."""

import resource
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import NamedTuple

import msgspec

from benchmarks.cores import Cores
from benchmarks.ledger import Ledger
from benchmarks.measure import Round, Spread, run_round, spread
from benchmarks.target import Target, fresh_system, running_system
from onhand.common.settings import load_settings

TIMES = 3
"""What is offered, in multiples of the best."""
ASKED = 0.8
"""Least part of the best that is to be kept."""

_LOW_LIMIT = 256
_SPARE_FILES = 200
"""Open files that the gateway needs besides its clients' connections."""


class Setting(NamedTuple):
    """What is loaded.

    Attributes:
        max_in_flight: of its gateway.
        url: of a running gateway; None for a system of its own.
        cores: of a system of its own, if the load has others.
    """

    max_in_flight: int
    url: str | None = None
    cores: Cores | None = None

    @property
    def connections(self) -> int:
        """Enough that some are free while as many as the limit wait for an answer, or as many as files may be open."""
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.max_in_flight * 5 // 4 + 768
        return wanted if most == resource.RLIM_INFINITY else max(1, min(wanted, most - _SPARE_FILES))

    def target(self) -> AbstractContextManager[Target]:
        """The system, for the length of a block."""
        if self.url:
            return nullcontext(running_system(self.url))
        return fresh_system(self.cores, MAX_IN_FLIGHT=str(self.max_in_flight))


class Pair(msgspec.Struct, rename="camel", frozen=True):
    """Two rounds, one after the other, so that both are disturbed alike.

    Attributes:
        best: each connection sends again at once, and there are as many as gave the most.
        overload: requests come by a timetable, at `TIMES` the goodput of the other.
    """

    best: Round
    overload: Round

    @property
    def kept(self) -> float:
        """Part of the best goodput that is left."""
        return self.overload.orders_per_second / self.best.orders_per_second

    @property
    def refused(self) -> float:
        """Part of all answers that were refusals."""
        answered = self.overload.created + self.overload.refused
        return self.overload.refused / answered if answered else 0.0


class Outcome(msgspec.Struct, rename="camel", frozen=True):
    """All pairs with one setting."""

    max_in_flight: int
    pairs: Sequence[Pair]
    kept: Spread
    met: bool


def settings(url: str | None, cores: Cores | None) -> list[Setting]:
    """The running system as it is; or two of our own: the default, and one that refuses much sooner."""
    default = load_settings().max_in_flight
    if url:
        return [Setting(default, url)]
    return [Setting(limit, cores=cores) for limit in (_LOW_LIMIT, default)]


async def run_pairs(
    target: Target, ledger: Ledger, setting: Setting, candidates: Sequence[int], rounds: int, seconds: int
) -> AsyncIterator[Round]:
    """Look for the best, then load a target with pairs of rounds; gives each round when it is over.

    Args:
        target: the system.
        ledger: its books.
        setting: of the target.
        candidates: numbers of connections, one of which gives the best goodput.
        rounds: for each candidate, and then number of pairs.
        seconds: length of the load in a round.

    Raises:
        LoadFailed, ComponentGone: there is no result.
    """
    tried = defaultdict(list)
    for connections in [min(it, setting.max_in_flight) for it in candidates] * rounds:
        done = await run_round(target, ledger, connections, seconds)
        tried[connections].append(done.orders_per_second)
        yield done
    fastest = max(tried, key=lambda connections: statistics.median(tried[connections]))
    for _ in range(rounds):
        best = await run_round(target, ledger, fastest, seconds)
        yield best
        yield await run_round(target, ledger, setting.connections, seconds, TIMES * best.orders_per_second)


def outcome(setting: Setting, rounds: Sequence[Round]) -> Outcome:
    """Sum up what `run_pairs` gave."""
    pairs = [Pair(best, overload) for best, overload in pairwise(rounds) if overload.asked_per_second is not None]
    kept = spread(pair.kept for pair in pairs)
    return Outcome(setting.max_in_flight, pairs, kept, met=kept.median >= ASKED)
