"""What is printed: tables for people, JSON for programs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Round, Spread, spread

ORDERS_PER_SECOND_FLOOR = {64: 4_000.0, 256: 5_500.0}
"""By connections, on a quiet machine of two cores with the load on the same cores."""
TEN_LINES_PER_SECOND_FLOOR = {256: 2_000.0}
"""The same for orders of ten lines."""
CPU_US_CEILING = 150.0
DISTURBED = 0.05
"""A greater part of the machine than this, used by others, makes every figure worse than it is."""

COMPONENTS = ("gateway", "orders", "inventory", "redis", "postgres")


class Summary(msgspec.Struct, rename="camel", frozen=True):
    """All rounds with the same number of connections.

    Attributes:
        lines: of each order. What an order may cost is asked only of orders for one product.
    """

    connections: int
    lines: int
    orders_per_second: Spread
    p50_ms: Spread
    p99_ms: Spread
    cpu_us: dict[str, Spread]
    cpu_us_total: Spread | None
    settled_seconds: Spread
    orders_per_second_floor: float | None
    cpu_us_ceiling: float | None


class Report(msgspec.Struct, rename="camel", frozen=True):
    """The whole run."""

    load: str
    facts: Mapping[str, str]
    rounds: Sequence[Round]
    summaries: Sequence[Summary]
    complete: bool


def summarize(rounds: Sequence[Round], lines: int = 1) -> list[Summary]:
    """Sum up the rounds of each number of connections, with orders of so many lines."""
    summaries = []
    floors = {1: ORDERS_PER_SECOND_FLOOR, 10: TEN_LINES_PER_SECOND_FLOOR}.get(lines, {})
    for connections in dict.fromkeys(it.connections for it in rounds):
        same = [it for it in rounds if it.connections == connections]
        names = [name for name in COMPONENTS if name in same[0].cpu_us]
        summaries.append(
            Summary(
                connections=connections,
                lines=lines,
                orders_per_second=spread(it.orders_per_second for it in same),
                p50_ms=spread(it.p50_ms for it in same),
                p99_ms=spread(it.p99_ms for it in same),
                cpu_us={name: spread(it.cpu_us[name] for it in same) for name in names},
                cpu_us_total=spread(it.cpu_us_total for it in same) if len(names) == len(COMPONENTS) else None,
                settled_seconds=spread(_or_never(it.settled_seconds) for it in same),
                orders_per_second_floor=floors.get(connections),
                cpu_us_ceiling=CPU_US_CEILING if lines == 1 else None,
            )
        )
    return summaries


def make_report(load: str, facts: Mapping[str, str], rounds: Sequence[Round], lines: int = 1) -> Report:
    """Put everything together."""
    return Report(load, facts, rounds, summarize(rounds, lines), complete=not any(it.problems for it in rounds))


def write_json(report: msgspec.Struct, file: Path) -> None:
    """Write any of the reports for programs."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def print_facts(load: str, facts: Mapping[str, str], console: Console) -> None:
    """Print what every report begins with: what the load was, and on what."""
    for name, value in {"load": load, **facts}.items():
        console.print(f"{name + ':':<10}{value}", soft_wrap=True, highlight=False)


def print_report(report: Report, console: Console) -> None:
    """Print the report for people."""
    print_facts(report.load, report.facts, console)
    console.print()
    console.print(_speed(report))
    console.print()
    if report.summaries[0].cpu_us:
        console.print(_cost(report))
        console.print()
    for number, it in enumerate(report.rounds, start=1):
        console.print(f"round {number}, {it.connections} connections: {completeness(it)}", soft_wrap=True)
    console.print()
    for summary in report.summaries:
        for line in targets(summary):
            console.print(line, soft_wrap=True)
    if any(it.elsewhere > DISTURBED for it in report.rounds):
        console.print("Other work ran on the machine (column elsewhere): without it the figures would be better.")
    if any(summary.cpu_us_total is None for summary in report.summaries):
        console.print("CPU is told only of what an `onhand` runs on this machine and ONHAND_HOME; hence no sum.")


def completeness(it: Round) -> str:
    """Whether every accepted order of a round reached its end."""
    if it.problems:
        return "[bold red]NOT COMPLETE[/]: " + "; ".join(it.problems)
    ends = ", ".join(f"{count:,} {status}" for status, count in sorted(it.stored.items()))
    unheard = sum(it.stored.values()) - it.created
    return (
        f"{it.created:,} answered 201, all stored and settled ({ends}; {unheard:,} were under way at the end); "
        f"{it.reserved_units:,} units reserved, as confirmed"
    )


def targets(summary: Summary) -> list[str]:
    """Medians beside what is asked for."""
    told = []
    median = summary.orders_per_second.median
    if floor := summary.orders_per_second_floor:
        told.append(f"{median:,.0f} orders/s, asked at least {floor:,.0f}: {met(median >= floor)}")
    if summary.lines > 1:
        told.append(f"{median * summary.lines:,.0f} lines/s, {summary.lines} in each order")
    if summary.cpu_us_total and summary.cpu_us_ceiling:
        cost, ceiling = summary.cpu_us_total.median, summary.cpu_us_ceiling
        told.append(f"{cost:.0f} CPU us per order, asked at most {ceiling:.0f}: {met(cost <= ceiling)}")
    return [f"{summary.connections} connections: {line}" for line in told]


def met(is_met: bool) -> str:
    """In words, and in colour."""
    return "[green]met[/]" if is_met else "[red]not met[/]"


def _speed(report: Report) -> Table:
    table = _table("Speed", "orders/s", "p50 ms", "p99 ms", "settled s", "elsewhere")
    for number, it in enumerate(report.rounds, start=1):
        table.add_row(
            *(str(it.connections), str(number), f"{it.orders_per_second:,.0f}", f"{it.p50_ms:.1f}", f"{it.p99_ms:.1f}"),
            *(f"{_or_never(it.settled_seconds):.2f}", f"{it.elsewhere:.0%}"),
        )
    for summary in report.summaries:
        table.add_row()
        table.add_row(
            *(str(summary.connections), "median", _cell(summary.orders_per_second, 0)),
            *(_cell(value, digits) for value, digits in ((summary.p50_ms, 1), (summary.p99_ms, 1))),
            _cell(summary.settled_seconds, 2),
        )
    return table


def _cost(report: Report) -> Table:
    names = [*report.summaries[0].cpu_us]
    table = _table("CPU microseconds per order", *names, "sum")
    for number, it in enumerate(report.rounds, start=1):
        values = [*(it.cpu_us[name] for name in names), it.cpu_us_total]
        table.add_row(str(it.connections), str(number), *(f"{value:.0f}" for value in values))
    for summary in report.summaries:
        table.add_row()
        total = _cell(summary.cpu_us_total, 0) if summary.cpu_us_total else ""
        cells = (_cell(summary.cpu_us[name], 0) for name in names)
        table.add_row(str(summary.connections), "median", *cells, total)
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("connections", "round"):
        table.add_column(heading, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cell(value: Spread, digits: int) -> str:
    median, least, most = (f"{number:,.{digits}f}" for number in (value.median, value.least, value.most))
    return f"[bold]{median}[/]\n{least}-{most}"


def _or_never(seconds: float | None) -> float:
    return float("inf") if seconds is None else seconds
