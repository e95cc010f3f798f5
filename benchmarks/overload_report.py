"""What is printed of an overload: a table for people, JSON for programs."""

from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.overload import ASKED, TIMES, Outcome, Pair
from benchmarks.report import DISTURBED, completeness, met, print_facts

_HOW = f"""
Offered: {TIMES} times the best, by a timetable that does not wait for answers. A
client that is free takes the next place in it, also one that was just refused:
it stands for a customer who went away, and for another who comes. What the
load generator takes of the machine (column load) it takes from the system,
unless it has a core of its own (--apart). MB: memory of the gateway."""
_KEPT_UP = 0.95
"""Part of the timetable; with less, all connections were busy and the rest of it was never sent."""


class OverloadReport(msgspec.Struct, rename="camel", frozen=True):
    """The whole run."""

    load: str
    facts: Mapping[str, str]
    outcomes: Sequence[Outcome]
    complete: bool


def make_overload_report(load: str, facts: Mapping[str, str], outcomes: Sequence[Outcome]) -> OverloadReport:
    """Put everything together."""
    rounds = [it for outcome in outcomes for pair in outcome.pairs for it in (pair.best, pair.overload)]
    return OverloadReport(load, facts, outcomes, complete=not any(it.problems for it in rounds))


def print_overload_report(report: OverloadReport, console: Console) -> None:
    """Print the report for people."""
    print_facts(report.load, report.facts, console)
    console.print(_HOW, soft_wrap=True, highlight=False)
    for it in report.outcomes:
        console.print()
        console.print(_table(it))
        for number, pair in enumerate(it.pairs, start=1):
            console.print(f"pair {number}, best: {completeness(pair.best)}", soft_wrap=True)
            console.print(f"pair {number}, overload: {completeness(pair.overload)}", soft_wrap=True)
    console.print()
    for it in report.outcomes:
        for line in verdict(it):
            console.print(line, soft_wrap=True)


def verdict(it: Outcome) -> list[str]:
    """What was kept, beside what is asked for."""
    least, most = f"{it.kept.least:.0%}", f"{it.kept.most:.0%}"
    lines = [f"{it.kept.median:.0%} of the best ({least}-{most}), asked at least {ASKED:.0%}: {met(it.met)}"]
    if any(pair.overload.offered_per_second < _KEPT_UP * (pair.overload.asked_per_second or 0.0) for pair in it.pairs):
        lines.append(
            f"{it.pairs[0].overload.connections:,} clients could not offer all of it: they were busy, or had no CPU"
        )
    if any(pair.best.elsewhere > DISTURBED or pair.overload.elsewhere > DISTURBED for pair in it.pairs):
        lines.append("Other work ran on the machine (column elsewhere).")
    return [f"MAX_IN_FLIGHT={it.max_in_flight}: {line}" for line in lines]


def _table(it: Outcome) -> Table:
    table = Table(
        title=f"MAX_IN_FLIGHT={it.max_in_flight}: best, and at {TIMES} times as much",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for heading in ("pair", "clients", "offered/s", "goodput/s", "kept", "503", "p99 ms", "MB", "load", "elsewhere"):
        table.add_column(heading, justify="right", no_wrap=True)
    for number, pair in enumerate(it.pairs, start=1):
        _add(table, number, pair)
    return table


def _add(table: Table, number: int, pair: Pair) -> None:
    for it, kept, refused in ((pair.best, "", ""), (pair.overload, f"{pair.kept:.0%}", f"{pair.refused:.0%}")):
        table.add_row(
            *(str(number), f"{it.connections:,}", f"{it.offered_per_second:,.0f}", f"{it.orders_per_second:,.0f}"),
            *(kept, refused, f"{it.p99_ms:.0f}", "" if it.gateway_mb is None else f"{it.gateway_mb:.0f}"),
            *(f"{it.load:.0%}", f"{it.elsewhere:.0%}"),
        )
