"""What is printed of systems side by side: tables for people, JSON for programs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.measure import Round, Spread, spread
from benchmarks.peers.systems import System
from benchmarks.peers.turns import Turn
from benchmarks.rates import RateSummary, summarize_rates
from benchmarks.rates_report import PERCENTILES, numbers
from benchmarks.report import DISTURBED

OURS = "onhand"
_HOW_RATES = """
Requests are sent at fixed times, whatever the answers do; latency counts from the time at which a request was to be
sent, until it was accepted, and of ours until it was settled. Medians of all rounds.
"""
_COMPONENTS = ("gateway", "orders", "inventory", "monolith", "redis", "postgres")


class Standing(msgspec.Struct, rename="camel", frozen=True):
    """All rounds of a system with the same number of connections that nothing is wrong with.

    Attributes:
        rounds: how many.
        ours_times: our orders/s as a multiple of its, turn by turn; None if ours had no turn.
        confirmed_per_second: orders that got their units.
        cpu_us: microseconds for each order, by component.
        memory_mb: of all components.
    """

    system: str
    connections: int
    rounds: int
    orders_per_second: Spread
    ours_times: Spread | None
    confirmed_per_second: Spread
    p50_ms: Spread
    p99_ms: Spread
    settled_seconds: Spread
    cpu_us: dict[str, Spread]
    cpu_us_total: Spread
    memory_mb: Spread


class Comparison(msgspec.Struct, rename="camel", frozen=True):
    """The whole run.

    Attributes:
        lacks: what each system does not do, of what ours does.
        skipped: systems that did not run, and why.
        rates: all rounds of each system at fixed rates, by its name.
    """

    load: str
    facts: Mapping[str, str]
    lacks: Mapping[str, str]
    skipped: Mapping[str, str]
    turns: Sequence[Turn]
    standings: Sequence[Standing]
    rates: Mapping[str, Sequence[RateSummary]] = {}


def compare_rates(turns: Sequence[Turn]) -> dict[str, list[RateSummary]]:
    """Sum up each system's rounds at fixed rates; a turn in which a promise was broken gives no figure."""
    return {
        system: summarize_rates(
            [it for turn in turns if turn.system == system and not turn.broken for it in turn.rate_rounds]
        )
        for system in dict.fromkeys(turn.system for turn in turns)
    }


def compare(turns: Sequence[Turn]) -> list[Standing]:
    """Sum up. A turn in which a promise was broken, and a round with which something is wrong, give no figure."""
    sound = {
        (turn.system, it.connections, turn.number): it
        for turn in turns
        if not turn.broken
        for it in turn.rounds
        if not it.problems
    }
    kinds = dict.fromkeys((connections, system) for system, connections, _ in sound)
    standings = []
    for connections, system in sorted(kinds, key=lambda kind: kind[0]):
        its = {number: it for (name, count, number), it in sound.items() if (name, count) == (system, connections)}
        times = [
            ours.orders_per_second / it.orders_per_second
            for number, it in its.items()
            if (ours := sound.get((OURS, connections, number)))
        ]
        standings.append(_stand(system, list(its.values()), times))
    return standings


def _stand(system: str, rounds: Sequence[Round], times: Sequence[float]) -> Standing:
    return Standing(
        system=system,
        connections=rounds[0].connections,
        rounds=len(rounds),
        orders_per_second=spread(it.orders_per_second for it in rounds),
        ours_times=spread(times) if times else None,
        confirmed_per_second=spread(it.stored.get("confirmed", 0) / it.seconds for it in rounds),
        p50_ms=spread(it.p50_ms for it in rounds),
        p99_ms=spread(it.p99_ms for it in rounds),
        settled_seconds=spread(it.settled_seconds or 0.0 for it in rounds),
        cpu_us={name: spread(it.cpu_us[name] for it in rounds) for name in _COMPONENTS if name in rounds[0].cpu_us},
        cpu_us_total=spread(it.cpu_us_total for it in rounds),
        memory_mb=spread(sum(it.memory_mb.values()) for it in rounds),
    )


def write_comparison_json(comparison: Comparison, file: Path) -> None:
    """Write the report for programs."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(comparison)) + b"\n")


def print_comparison(comparison: Comparison, systems: Sequence[System], console: Console) -> None:
    """Print the report for people."""
    for name, value in {"load": comparison.load, **comparison.facts}.items():
        console.print(f"{name + ':':<10}{value}", soft_wrap=True, highlight=False)
    for name, reason in comparison.skipped.items():
        console.print(f"[bold]{name} did not run[/]: {reason}", soft_wrap=True, highlight=False)
    if any(comparison.rates.values()):
        console.print(_HOW_RATES, soft_wrap=True, highlight=False)
        console.print(_rates(comparison.rates))
    if comparison.standings:
        console.print("\nMedians, and below them the least and the most of all rounds.\n", highlight=False)
        console.print(_speed(comparison.standings))
        console.print(_cost(comparison.standings))
    console.print("[bold]What each is, and what it does not do of what onhand does[/]")
    for system in systems:
        console.print(f"  {system.name}: {system.written}. It lacks: {system.lacks}", soft_wrap=True, highlight=False)
    console.print()
    for turn in comparison.turns:
        for problem in turn.flaws:
            console.print(f"[bold red]NO FIGURE[/] of {turn.system}, turn {turn.number}: {problem}", soft_wrap=True)
    rounds = [it for turn in comparison.turns for it in (*turn.rounds, *(rate.round for rate in turn.rate_rounds))]
    most = max((it.elsewhere for it in rounds), default=0.0)
    if most > DISTURBED:
        console.print(f"Other work ran on the machine, up to {most:.0%} of it: figures would be better without.")


def _rates(rates: Mapping[str, Sequence[RateSummary]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("rate", no_wrap=True, justify="right")
    table.add_column("system", no_wrap=True)
    settled = [f"settled {it.removesuffix(' ms')}" for it in PERCENTILES]
    for heading in ("answered/s", *PERCENTILES, *settled, "rounds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for system, it in sorted(
        ((system, it) for system, summaries in rates.items() for it in summaries), key=lambda row: row[1].rate
    ):
        table.add_row(
            *(f"{it.rate:,.0f}", system, f"{it.answered_per_second.median:,.0f}", *numbers(it.accepted)),
            *(numbers(it.settled) if it.settled else [""] * len(settled)),
            str(it.rounds),
        )
    return table


def _speed(standings: Sequence[Standing]) -> Table:
    table = _table("orders/s", "confirmed/s", "onhand is", "p50 ms", "p99 ms", "settled s", "MB", "rounds")
    for it in standings:
        times = _cell(it.ours_times, 2, "x") if it.ours_times and it.system != OURS else ""
        confirmed = _cell(it.confirmed_per_second, 0) if it.confirmed_per_second.most else ""
        table.add_row(
            *(str(it.connections), it.system, _cell(it.orders_per_second, 0), confirmed, times),
            *(_cell(it.p50_ms, 1), _cell(it.p99_ms, 1), _cell(it.settled_seconds, 2), _cell(it.memory_mb, 0)),
            str(it.rounds),
        )
    return table


def _cost(standings: Sequence[Standing]) -> Table:
    names = [name for name in _COMPONENTS if any(name in it.cpu_us for it in standings)]
    table = _table(*(f"{name} us" for name in names), "CPU us per order")
    for it in standings:
        cells = (_cell(it.cpu_us[name], 0) if name in it.cpu_us else "" for name in names)
        table.add_row(str(it.connections), it.system, *cells, _cell(it.cpu_us_total, 0))
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    table.add_column("connections", no_wrap=True, justify="right")
    table.add_column("system", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cell(value: Spread, digits: int, unit: str = "") -> str:
    median, least, most = (f"{number:,.{digits}f}{unit}" for number in (value.median, value.least, value.most))
    return f"[bold]{median}[/]\n{least}-{most}"
