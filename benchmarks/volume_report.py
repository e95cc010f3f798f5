"""What is printed of two systems that were loaded in turn: a table for people, JSON for programs."""

from collections.abc import Mapping

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.report import DISTURBED, completeness, met, print_facts
from benchmarks.volume import ASKED, LONGEST_VERIFICATION_SECONDS, Volume


class VolumeReport(msgspec.Struct, rename="camel", frozen=True):
    """The whole run."""

    load: str
    facts: Mapping[str, str]
    volume: Volume


def print_volume_report(report: VolumeReport, console: Console) -> None:
    """Print the report for people."""
    print_facts(report.load, report.facts, console)
    console.print(
        f"\nTwo systems on this machine, loaded in turn: an empty one, and one in which {report.volume.stored:,} orders"
        " and as many products were stored before.\n",
        soft_wrap=True,
        highlight=False,
    )
    console.print(_table(report.volume))
    for number, pair in enumerate(report.volume.pairs, start=1):
        for name, it in (("empty", pair.empty), ("full", pair.full)):
            console.print(f"pair {number}, {name}: {completeness(it)}", soft_wrap=True)
    console.print()
    for line in verdict(report.volume):
        console.print(line, soft_wrap=True)


def verdict(it: Volume) -> list[str]:
    """What was kept and how long it took to verify, beside what is asked for."""
    least, most = f"{it.kept.least:.0%}", f"{it.kept.most:.0%}"
    lines = [f"{it.kept.median:.0%} of the empty system ({least}-{most}), asked at least {ASKED:.0%}: {met(it.is_met)}"]
    is_quick = it.verified.seconds <= LONGEST_VERIFICATION_SECONDS
    held = "every invariant holds" if it.verified.holds else "[bold red]something is wrong[/]"
    lines.append(
        f"onhand verify on the full one: {held}, in {it.verified.seconds:.1f} s, asked at most"
        f" {LONGEST_VERIFICATION_SECONDS:.0f} s: {met(is_quick)}"
    )
    if any(side.elsewhere > DISTURBED for pair in it.pairs for side in (pair.empty, pair.full)):
        lines.append("Other work ran on the machine (column elsewhere).")
    return lines


def _table(it: Volume) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("pair", "connections", "system", "orders/s", "kept", "p50 ms", "p99 ms", "CPU us", "elsewhere"):
        table.add_column(heading, justify="right", no_wrap=True)
    for number, pair in enumerate(it.pairs, start=1):
        for name, kept, side in (("empty", "", pair.empty), ("full", f"{pair.kept:.0%}", pair.full)):
            table.add_row(
                *(str(number), str(side.connections), name, f"{side.orders_per_second:,.0f}", kept),
                *(f"{side.p50_ms:.1f}", f"{side.p99_ms:.1f}", f"{side.cpu_us_total:.0f}", f"{side.elsewhere:.0%}"),
            )
    return table
