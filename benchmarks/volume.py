"""Whether what is stored already makes orders slower: two systems, one with much in it, loaded in turn."""

import time
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import msgspec

from benchmarks.ledger import Ledger
from benchmarks.measure import Round, Spread, run_round, spread
from benchmarks.target import Target
from onhand.cli.verification.findings import Verdict
from onhand.cli.verification.snapshots import open_books
from onhand.cli.verification.verdict import Options, verify
from onhand.common.messaging.streams import open_streams

ASKED = 0.9
"""Least part of the throughput on the empty system that is to be kept."""
LONGEST_VERIFICATION_SECONDS = 60.0


class Side(NamedTuple):
    """One of the two systems, and its books."""

    target: Target
    ledger: Ledger


class Pair(msgspec.Struct, rename="camel", frozen=True):
    """Two rounds, one after the other, so that both are disturbed alike."""

    empty: Round
    full: Round

    @property
    def kept(self) -> float:
        """Throughput on the full system, as a part of that on the empty one."""
        return self.full.orders_per_second / self.empty.orders_per_second


class Volume(msgspec.Struct, rename="camel", frozen=True):
    """What came of it.

    Attributes:
        stored: orders, and as many products, that the full system had before.
        verified: what `onhand verify` says of it in the end.
    """

    stored: int
    pairs: Sequence[Pair]
    kept: Spread
    verified: Verdict

    @property
    def is_met(self) -> bool:
        """Whether enough is kept."""
        return self.kept.median >= ASKED

    @property
    def is_complete(self) -> bool:
        """Whether every accepted order reached its end, and nothing is wrong in what is stored."""
        return self.verified.holds and not any(it.problems for pair in self.pairs for it in (pair.empty, pair.full))


async def run_in_turn(empty: Side, full: Side, plan: Sequence[int], seconds: int) -> AsyncIterator[Pair]:
    """Load one system after the other, the other one first each time, while the one that is not loaded rests.

    Args:
        empty: in which nothing was stored.
        full: in which much was.
        plan: numbers of connections.
        seconds: length of a round's load.
    """
    for number, connections in enumerate(plan):
        is_empty_first = number % 2 == 0
        first, second = [
            await run_round(*side, connections, seconds)
            for side in ((empty, full) if is_empty_first else (full, empty))
        ]
        yield Pair(first, second) if is_empty_first else Pair(second, first)


def sum_up(stored: int, pairs: Sequence[Pair], verified: Verdict) -> Volume:
    """Put everything together."""
    return Volume(stored, pairs, spread(pair.kept for pair in pairs), verified)


def told(verdict: Verdict) -> list[str]:
    """What is wrong, in sentences; empty if everything holds."""
    found = [f"{it.subject} {it.problem}" for check in verdict.checks if not check.holds for it in check.findings]
    return found if found or verdict.holds else ["an invariant does not hold"]


async def verify_target(target: Target) -> Verdict:
    """Ask what `onhand verify` asks, with the time it takes to read everything."""
    async with (
        open_books(target.orders_url, target.inventory_url, "benchmark") as books,
        open_streams(target.redis_url) as streams,
    ):
        begun = time.monotonic()
        verdict = await verify(books, streams, Options(), lambda *_: None)
        return msgspec.structs.replace(verdict, seconds=round(time.monotonic() - begun, 1))
