"""What orders gain by coming in batches: one system, loaded with single requests and with batches in turn."""

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.ledger import Ledger
from benchmarks.measure import Round, Spread, run_round, spread
from benchmarks.report import COMPONENTS, DISTURBED, completeness, met, print_facts
from benchmarks.target import Target

ASKED = 3.0
"""How many times the orders/s of single requests batches are to give."""
WIDTH = 140
"""Of the report, in characters."""
_AT_ONCE = 1000
_FEWEST_CONNECTIONS = 2


class Pair(msgspec.Struct, rename="camel", frozen=True):
    """Two rounds, one after the other, so that both are disturbed alike."""

    single: Round
    batches: Round

    @property
    def gain(self) -> float:
        """Orders/s in batches, as a multiple of those in single requests."""
        return self.batches.orders_per_second / self.single.orders_per_second


class Gain(msgspec.Struct, rename="camel", frozen=True):
    """All pairs with the same number of connections for single requests."""

    connections: int
    pairs: Sequence[Pair]
    gain: Spread


class BatchReport(msgspec.Struct, rename="camel", frozen=True):
    """The whole run.

    Attributes:
        size: orders of a batch.
        connections: of the batches.
    """

    load: str
    facts: Mapping[str, str]
    size: int
    connections: int
    gains: Sequence[Gain]
    complete: bool


def connections_for(size: int) -> int:
    """Connections for batches, so that some thousand orders are under way."""
    return max(_FEWEST_CONNECTIONS, _AT_ONCE // size)


async def run_in_turn(
    target: Target, single: Ledger, batches: Ledger, plan: Sequence[int], seconds: int
) -> AsyncIterator[Pair]:
    """Load a system with the one and the other, the other one first each time.

    Args:
        target: what to load.
        single: knows the orders that are sent one by one.
        batches: knows those that are sent in batches.
        plan: numbers of connections for single requests.
        seconds: length of a round's load.
    """
    several = connections_for(batches.basket.batch)
    for number, connections in enumerate(plan):
        turns = [(single, connections), (batches, several)]
        first, second = [
            await run_round(target, ledger, count, seconds)
            for ledger, count in (turns if number % 2 == 0 else turns[::-1])
        ]
        yield Pair(first, second) if number % 2 == 0 else Pair(second, first)


def make_batch_report(load: str, facts: Mapping[str, str], size: int, pairs: Sequence[Pair]) -> BatchReport:
    """Put everything together."""
    gains = [
        Gain(connections, same, spread(pair.gain for pair in same))
        for connections in dict.fromkeys(pair.single.connections for pair in pairs)
        if (same := [pair for pair in pairs if pair.single.connections == connections])
    ]
    complete = not any(it.problems for pair in pairs for it in (pair.single, pair.batches))
    return BatchReport(load, facts, size, connections_for(size), gains, complete)


def print_batch_report(report: BatchReport, console: Console) -> None:
    """Print the report for people."""
    print_facts(report.load, report.facts, console)
    console.print(
        f"\nBatches of {report.size:,} orders over {report.connections} connections, in turn with single requests.\n"
    )
    console.print(_table(report))
    pairs = [pair for gain in report.gains for pair in gain.pairs]
    for number, pair in enumerate(pairs, start=1):
        for name, it in (("single", pair.single), ("batches", pair.batches)):
            console.print(f"pair {number}, {name}: {completeness(it)}", soft_wrap=True)
    console.print()
    for gain in report.gains:
        console.print(verdict(gain), soft_wrap=True)
    if any(it.elsewhere > DISTURBED for pair in pairs for it in (pair.single, pair.batches)):
        console.print("Other work ran on the machine (column elsewhere).")


def verdict(it: Gain) -> str:
    """What was gained, beside what is asked for."""
    gain = f"{it.gain.median:.1f} ({it.gain.least:.1f}-{it.gain.most:.1f})"
    return (
        f"{gain} times the orders/s of single requests over {it.connections} connections,"
        f" asked at least {ASKED:.0f}: {met(it.gain.median >= ASKED)}"
    )


def _table(report: BatchReport) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    headings = ("connections", "orders/s", "times", "p50 ms", "p99 ms", "settled s", *COMPONENTS, "CPU us", "elsewhere")
    table.add_column("")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for gain in report.gains:
        for pair in gain.pairs:
            table.add_row("single", *_cells(pair.single, ""))
            table.add_row("batches", *_cells(pair.batches, f"{pair.gain:.1f}"))
    return table


def _cells(it: Round, gain: str) -> list[str]:
    return [
        str(it.connections),
        f"{it.orders_per_second:,.0f}",
        gain,
        f"{it.p50_ms:.1f}",
        f"{it.p99_ms:.1f}",
        "never" if it.settled_seconds is None else f"{it.settled_seconds:.2f}",
        *(f"{it.cpu_us.get(name, 0):.0f}" for name in COMPONENTS),
        f"{it.cpu_us_total:.0f}",
        f"{it.elsewhere:.0%}",
    ]
