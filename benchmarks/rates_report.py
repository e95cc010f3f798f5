"""What is printed of rounds at fixed rates: tables for people."""

from rich.console import Console
from rich.table import Table

from benchmarks.rates import Latency, RateReport, RateRound
from benchmarks.report import DISTURBED, completeness, print_facts

_HOW = """
Requests are sent at fixed times, whatever the answers do, over at most {connections:,} connections, and latency counts
from the time at which a request was to be sent. Late: how much later the load generator turned to 99 of 100."""
PERCENTILES = ("p50 ms", "p99 ms", "p99.9 ms", "max ms")


def print_rate_report(report: RateReport, console: Console) -> None:
    """Print the report for people."""
    print_facts(report.load, report.facts, console)
    console.print(_HOW.format(connections=report.connections), soft_wrap=True, highlight=False)
    console.print()
    console.print(_accepted(report))
    console.print()
    console.print(_settled(report))
    console.print()
    for number, it in enumerate(report.rate_rounds, start=1):
        console.print(f"round {number}, {it.rate:,.0f}/s: {outcome(it)}", soft_wrap=True)
    if any(it.round.elsewhere > DISTURBED for it in report.rate_rounds):
        console.print("Other work ran on the machine (column elsewhere): without it the figures would be better.")


def outcome(it: RateRound) -> str:
    """Whether every accepted order of a round reached its end, or why it gives no figure."""
    if it.flaw and not it.round.problems:
        return f"[bold red]NO FIGURE[/]: {it.flaw}"
    return completeness(it.round)


def _accepted(report: RateReport) -> Table:
    table = _table("Until accepted (201)", "offered/s", "answered/s", "refused", *PERCENTILES, "late ms", "elsewhere")
    for number, it in enumerate(report.rate_rounds, start=1):
        speed = (f"{it.offered_per_second:,.0f}", f"{it.answered_per_second:,.0f}", f"{it.refused:,}")
        disturbance = (f"{it.late_p99_ms:.1f}", f"{it.round.elsewhere:.0%}")
        table.add_row(f"{it.rate:,.0f}", str(number), *speed, *_cells(it, it.accepted), *disturbance)
    for summary in report.rates:
        answered = f"{summary.answered_per_second.median:,.0f}"
        table.add_row(f"{summary.rate:,.0f}", "median", "", answered, "", *numbers(summary.accepted), style="bold")
    return table


def _settled(report: RateReport) -> Table:
    table = _table("Until settled in Orders", *PERCENTILES)
    for number, it in enumerate(report.rate_rounds, start=1):
        table.add_row(f"{it.rate:,.0f}", str(number), *_cells(it, it.settled))
    for summary in report.rates:
        if summary.settled:
            table.add_row(f"{summary.rate:,.0f}", "median", *numbers(summary.settled), style="bold")
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("rate", "round", *headings):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cells(it: RateRound, latency: Latency | None) -> list[str]:
    return numbers(latency) if latency and not it.flaw else ["-"] * len(PERCENTILES)


def numbers(it: Latency) -> list[str]:
    """One for each of `PERCENTILES`."""
    return [f"{number:,.1f}" for number in (it.p50_ms, it.p99_ms, it.p999_ms, it.max_ms)]
