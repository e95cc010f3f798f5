"""Rounds at fixed rates: how long orders take until they are accepted, and until they are settled."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import msgspec

from benchmarks import open_loop
from benchmarks.ledger import Ledger
from benchmarks.load import Load, LoadFailed
from benchmarks.measure import Round, Spread, measure, spread
from benchmarks.open_loop import Seen
from benchmarks.subject import Onhand, Subject
from benchmarks.target import Target

CONNECTIONS = 1000
"""The most requests under way at once, unless told otherwise."""
LATE_MS = 5.0
"""Later than this the generator may turn to a request only in `LATE_SHARE` of all cases, or the round has no figure."""
LATE_SHARE = 0.01


class Latency(msgspec.Struct, rename="camel", frozen=True):
    """Milliseconds within which half of the orders, 99 of 100, 999 of 1,000, and all of them had come so far."""

    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


class RateRound(msgspec.Struct, rename="camel", frozen=True):
    """What one round at a fixed rate gave.

    Attributes:
        offered_per_second: requests sent, by the timetable.
        answered_per_second: orders answered 201, until the last answer came.
        refused: requests answered otherwise, 503 if too much was under way.
        accepted: from when a request was to be sent until its 201 was here; None if there was none.
        settled: from then until the statement in Orders that settled the order. It includes Inventory's decision and
            both ways through Redis, and not that statement itself and its commit. The clock of the machine is asked on
            both sides, so everything must be on one. None where nobody can tell, as of other systems than ours.
        late_share: part of the requests to which the generator turned more than `LATE_MS` late.
        late_p99_ms: how late it was for 99 of 100.
        round: the same as of any load: CPU, memory, the books, what is wrong.
    """

    rate: float
    offered_per_second: float
    answered_per_second: float
    refused: int
    accepted: Latency | None
    settled: Latency | None
    late_share: float
    late_p99_ms: float
    round: Round

    @property
    def flaw(self) -> str | None:
        """Why there is no figure, or None."""
        if self.round.problems:
            return "; ".join(self.round.problems)
        if self.late_share > LATE_SHARE:
            return f"the load generator was more than {LATE_MS:.0f} ms late for {self.late_share:.1%} of the requests"
        return None if self.accepted else "nothing was accepted"


class RateSummary(msgspec.Struct, rename="camel", frozen=True):
    """All rounds at one rate that have a figure; latencies are medians of theirs."""

    rate: float
    rounds: int
    answered_per_second: Spread
    accepted: Latency
    settled: Latency | None


class RateReport(msgspec.Struct, rename="camel", frozen=True):
    """The whole run.

    Attributes:
        connections: the most requests under way at once.
    """

    load: str
    facts: Mapping[str, str]
    connections: int
    rate_rounds: Sequence[RateRound]
    rates: Sequence[RateSummary]
    complete: bool


async def run_rate(target: Target, ledger: Ledger, connections: int, seconds: int, rate: float) -> RateRound:
    """Load our system at a steady rate, see `measure_rate`."""
    return await measure_rate(Onhand(target, ledger), connections, seconds, rate, ledger)


async def measure_rate(
    subject: Subject, connections: int, seconds: int, rate: float, ledger: Ledger | None = None
) -> RateRound:
    """Load a system at a steady rate, see `open_loop` and `measure`.

    Args:
        subject: what to load.
        connections: the most requests that are under way at once.
        seconds: length of the load.
        rate: requests per second.
        ledger: knows when orders were settled; None if nobody does.

    Raises:
        LoadFailed, ComponentGone: there is no result.
    """
    seen = Seen(sent=0)

    async def send() -> Load:
        nonlocal seen
        try:
            seen = await open_loop.run(subject.url, subject.basket.requests, connections, seconds, rate)
        except OSError as error:
            raise LoadFailed(f"cannot connect to {subject.url}: {error}") from None
        return _as_load(seen)

    done = await measure(subject, connections, seconds, rate, send)
    settled_at = await ledger.settled_at([it.order_id for it in seen.accepted]) if ledger else {}
    return RateRound(
        rate=rate,
        offered_per_second=seen.sent / seconds,
        answered_per_second=len(seen.accepted) / seen.seconds,
        refused=seen.refused,
        accepted=latency(it.seconds for it in seen.accepted),
        settled=latency(settled_at[it.order_id] - it.due for it in seen.accepted if it.order_id in settled_at),
        late_share=sum(late > LATE_MS / 1e3 for late in seen.late) / len(seen.late),
        late_p99_ms=_within(sorted(seen.late), 0.99),
        round=done,
    )


def latency(seconds: Iterable[float]) -> Latency | None:
    """Sum up how long each took; None if there was nothing."""
    ordered = sorted(seconds)
    return Latency(*(_within(ordered, share) for share in (0.5, 0.99, 0.999, 1.0))) if ordered else None


def make_rate_report(load: str, facts: Mapping[str, str], connections: int, rounds: Sequence[RateRound]) -> RateReport:
    """Put everything together."""
    rates = summarize_rates(rounds)
    return RateReport(load, facts, connections, rounds, rates, not any(it.round.problems for it in rounds))


def summarize_rates(rounds: Sequence[RateRound]) -> list[RateSummary]:
    """Sum up the rounds at each rate. Those without a figure are in no sum."""
    sound = [it for it in rounds if not it.flaw]
    return [
        RateSummary(
            rate=rate,
            rounds=len(same),
            answered_per_second=spread(it.answered_per_second for it in same),
            accepted=_median([it.accepted for it in same if it.accepted]),
            settled=_median([it.settled for it in same if it.settled]) if same[0].settled else None,
        )
        for rate in dict.fromkeys(it.rate for it in sound)
        if (same := [it for it in sound if it.rate == rate])
    ]


def _median(latencies: Sequence[Latency]) -> Latency:
    return Latency(*(median(each) for each in zip(*map(msgspec.structs.astuple, latencies), strict=True)))


def _within(ordered: Sequence[float], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1] * 1e3


def _as_load(seen: Seen) -> Load:
    accepted = latency(it.seconds for it in seen.accepted)
    return Load(
        created=len(seen.accepted),
        refused=seen.refused,
        unanswered=seen.unanswered,
        seconds=seen.seconds,
        p50_ms=accepted.p50_ms if accepted else 0.0,
        p99_ms=accepted.p99_ms if accepted else 0.0,
    )
