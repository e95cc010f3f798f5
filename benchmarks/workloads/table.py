"""What is printed of workloads: one table for people, JSON for programs."""

from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Spread
from benchmarks.report import DISTURBED, print_facts
from benchmarks.workloads.results import Line, Result

WIDTH = 170
"""Columns of a file or a pipe."""
_HOW = """
Medians, and below them the least and the most of all rounds. times: as a multiple of the line it is compared with,
round by round (empty; single requests). CPU us: for each order, reservation, read, request or entry, of all processes
of what was loaded."""


class WorkloadReport(msgspec.Struct, rename="camel", frozen=True):
    """The whole run."""

    load: str
    facts: Mapping[str, str]
    results: Sequence[Result]
    complete: bool


def make_workload_report(load: str, results: Sequence[Result]) -> WorkloadReport:
    """Put everything together."""
    facts = results[0].facts if results else {}
    return WorkloadReport(load, facts, results, complete=not any(it.problems for it in results))


def print_workload_report(report: WorkloadReport, console: Console) -> None:
    """Print the report for people."""
    print_facts(report.load, report.facts, console)
    console.print(_HOW, highlight=False, soft_wrap=True)
    console.print()
    console.print(_table(report.results))
    for it in report.results:
        if not it.problems:
            console.print(f"{it.workload}: {it.checked}", soft_wrap=True, highlight=False)
        for problem in it.problems:
            console.print(f"[bold red]NO FIGURE[/] of {it.workload}: {problem}", soft_wrap=True, highlight=False)
    most = max((sample.elsewhere for it in report.results for sample in it.samples), default=0.0)
    if most > DISTURBED:
        console.print(f"Other work ran on the machine, up to {most:.0%} of it: figures would be better without.")


def _table(results: Sequence[Result]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    for heading in ("workload", "case"):
        table.add_column(heading, no_wrap=True)
    for heading in ("connections", "per second", "times", "p50 ms", "p99 ms", "settled s", "CPU us", "rounds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        for line in result.lines:
            table.add_row(result.workload, line.case, *_cells(line))
    return table


def _cells(it: Line) -> list[str]:
    figures = ((it.times, 2), (it.p50_ms, 1), (it.p99_ms, 1), (it.settled_seconds, 2), (it.cpu_us, 0))
    return [
        f"{it.connections:,}",
        _cell(it.per_second, 0, f" {it.unit}"),
        *(_cell(value, digits) for value, digits in figures),
        str(it.rounds),
    ]


def _cell(value: Spread | None, digits: int, unit: str = "") -> str:
    if value is None:
        return ""
    median, least, most = (f"{number:,.{digits}f}" for number in (value.median, value.least, value.most))
    return f"[bold]{median}[/]{unit}\n{least}-{most}"
