"""What a workload gave: a line of the table for each case, or what was wrong, and then no line at all."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from benchmarks.measure import Round, Spread, spread


class Sample(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What one round of one case gave.

    Attributes:
        unit: what is counted.
        p50_ms: half of the answers came within it; None where nobody waits for a single one.
        settled_seconds: from the end of the load until all was done; None where nothing goes on after an answer.
        cpu_us: CPU microseconds for each, of all processes of what was loaded.
        times: how many times as much this is as in the round it is compared with.
        elsewhere: part of the machine that neither the system nor the load used.
        problems: what is wrong, in sentences.
    """

    case: str
    connections: int
    unit: str
    per_second: float
    cpu_us: float
    elsewhere: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    settled_seconds: float | None = None
    times: float | None = None
    problems: Sequence[str] = ()


class Line(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """All rounds of one case, over one number of connections."""

    case: str
    connections: int
    unit: str
    rounds: int
    per_second: Spread
    cpu_us: Spread
    p50_ms: Spread | None
    p99_ms: Spread | None
    settled_seconds: Spread | None
    times: Spread | None


class Result(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a workload gave.

    Attributes:
        facts: on what it was measured.
        samples: of all rounds, as they came.
        lines: none if there is a problem.
        problems: whatever was promised and does not hold.
        checked: what was looked at to say so.
    """

    workload: str
    facts: Mapping[str, str]
    samples: Sequence[Sample]
    lines: Sequence[Line]
    problems: Sequence[str]
    checked: str


def sample_of(case: str, unit: str, it: Round, times: float | None = None, *, settles: bool = True) -> Sample:
    """A round of the usual kind."""
    return Sample(
        case=case,
        connections=it.connections,
        unit=unit,
        per_second=it.orders_per_second,
        cpu_us=it.cpu_us_total,
        elsewhere=it.elsewhere,
        p50_ms=it.p50_ms,
        p99_ms=it.p99_ms,
        settled_seconds=it.settled_seconds if settles else None,
        times=times,
        problems=it.problems,
    )


def conclude(
    workload: str, facts: Mapping[str, str], samples: Sequence[Sample], broken: Sequence[str], checked: str
) -> Result:
    """Sum up.

    Args:
        workload: its name.
        facts: on what it was measured.
        samples: of all rounds.
        broken: what does not hold when all rounds are over.
        checked: what was looked at to say so.
    """
    problems = [f"{it.case}: {problem}" for it in samples for problem in it.problems] + list(broken)
    cases = dict.fromkeys((it.connections, it.case) for it in samples)
    lines = [_line([it for it in samples if (it.connections, it.case) == case]) for case in cases]
    return Result(
        workload=workload,
        facts=facts,
        samples=samples,
        lines=[] if problems else lines,
        problems=problems,
        checked=checked,
    )


def _line(same: Sequence[Sample]) -> Line:
    return Line(
        case=same[0].case,
        connections=same[0].connections,
        unit=same[0].unit,
        rounds=len(same),
        per_second=spread(it.per_second for it in same),
        cpu_us=spread(it.cpu_us for it in same),
        p50_ms=_spread_if_any(it.p50_ms for it in same),
        p99_ms=_spread_if_any(it.p99_ms for it in same),
        settled_seconds=_spread_if_any(it.settled_seconds for it in same),
        times=_spread_if_any(it.times for it in same),
    )


def _spread_if_any(values: Iterable[float | None]) -> Spread | None:
    known = [it for it in values if it is not None]
    return spread(known) if known else None
