"""What is printed at the end: a table for people, JSON for programs."""

from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from tests.failures.runner import Result

_MOST_PROBLEMS = 20
_STYLES = {"held": "green", "broken": "bold red", "skipped": "yellow"}


def in_words(figures: Mapping[str, int]) -> str:
    """What was done, as "12 kills, 3 flushes"."""
    return ", ".join(f"{count:,} {name}" for name, count in figures.items())


def as_json(results: Sequence[Result]) -> str:
    """One JSON array."""
    return msgspec.json.encode(results).decode()


def print_report(results: Sequence[Result], console: Console) -> None:
    """Print the table, and below it everything that is wrong."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("scenario", "done to it"):
        table.add_column(heading)
    for heading in (
        "orders",
        "else done",
        "lost",
        "duplicated",
        "oversold",
        "regressions",
        "unknown",
        "unavailable",
        "empty s",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict")
    for result in results:
        table.add_row(*_cells(result))
    console.print(table)
    for result in results:
        for problem in result.problems[:_MOST_PROBLEMS]:
            console.print(f"{result.name} (seed {result.seed}): {problem}", soft_wrap=True, markup=False)
        if more := len(result.problems[_MOST_PROBLEMS:]):
            console.print(f"{result.name}: and {more:,} more; --json tells all")


def _cells(result: Result) -> list[str]:
    verdict = f"[{_STYLES[result.verdict]}]{result.verdict}[/]"
    name = f"{result.number} {result.name}"
    if result.verdict == "skipped":
        return [name, "", *("",) * 9, verdict]
    it = result.findings
    counts = (it.accepted, it.done, len(it.lost), len(it.duplicated), it.oversold_units, len(it.regressions))
    empty = "[red]never[/]" if result.empty_seconds is None else f"{result.empty_seconds:.1f}"
    cells = [f"{count:,}" for count in (*counts, it.unknown, it.unavailable)]
    return [name, in_words(result.figures), *cells, empty, verdict]
