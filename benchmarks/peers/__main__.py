"""`python -m benchmarks.peers`: the same order, taken by others and by us, in the same run."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import files, load
from benchmarks.basket import ONE_PRODUCT
from benchmarks.choosing import choose
from benchmarks.facts import made
from benchmarks.options import Connections, Json, Rates, Seconds
from benchmarks.peers.installing import versions
from benchmarks.peers.systems import SYSTEMS, System
from benchmarks.peers.table import Comparison, compare, compare_rates, print_comparison, write_comparison_json
from benchmarks.peers.turns import Turn, in_turns, take_turn, take_turn_at_rates
from benchmarks.progress import progress_bar
from benchmarks.rates import CONNECTIONS
from onhand.cli.commands import examples, tool

_WIDTH = 150
"""Columns of a file or a pipe."""

app = tool()


@app.command(
    epilog=examples(
        "python -m benchmarks.peers",
        "python -m benchmarks.peers --system onhand --system nestjs-fastify --connections 1",
        "python -m benchmarks.peers --system onhand --system monolith --units 1000000",
        "python -m benchmarks.peers --rate 200",
        "python -m benchmarks.peers --rounds 1 --seconds 3 --json peers.json",
    )
)
def peers(
    system: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Of {', '.join(it.name for it in SYSTEMS)}.", show_default="all"),
    ] = None,
    connections: Connections = None,
    rounds: Annotated[int, typer.Option(min=1, metavar="N", help="Turns of each system.")] = 5,
    seconds: Seconds = 8,
    units: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="On the shelf when a round begins.", show_default="more than can be ordered"
        ),
    ] = None,
    rate: Rates = None,
    json: Json = None,
) -> None:
    """Load systems in turn with the same order, each alone on the machine, and compare them.

    What the peers need is installed below .bench/ on the first run, which
    takes a minute and asks the package registries; those of NestJS need
    node and npm. The exit code is 1 if a promise was broken.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    files.allow_many()
    if rate and (units is not None or len(connections or []) > 1):
        raise typer.BadParameter("--rate goes without --units, and with one --connections")
    chosen = choose(system, SYSTEMS)
    progress = progress_bar()
    with progress:
        task = progress.add_task("installing what the peers need", total=None)
        skipped = _skipped(chosen, units)
        ready = [it for it in chosen if it.name not in skipped]
        plan = in_turns(ready, rounds)
        progress.update(task, total=len(plan))
        turns: list[Turn] = []
        for number, it in plan:
            progress.update(task, description=f"turn {number} of {rounds}: {it.name}")
            if rate:
                turn = take_turn_at_rates(it, number, rate, (connections or [CONNECTIONS])[0], seconds)
            else:
                turn = take_turn(it, number, connections or [64, 256], seconds, units)
            turns.append(asyncio.run(turn))
            progress.advance(task)
    facts = made() | next((turn.facts for turn in turns if turn.facts), {}) | versions()
    lacks = {it.name: it.lacks for it in ready}
    name = "requests at fixed rates" if rate else load.name()
    comparison = Comparison(_load(name, units), facts, lacks, skipped, turns, compare(turns), compare_rates(turns))
    print_comparison(comparison, ready, Console(width=None if sys.stdout.isatty() else _WIDTH))
    if json:
        write_comparison_json(comparison, json)
    raise typer.Exit(1 if any(turn.problems for turn in turns) else 0)


def _skipped(chosen: Sequence[System], units: int | None) -> dict[str, str]:
    """Install what the others need; why some cannot run, by name."""
    skipped = {}
    for it in chosen:
        if units is not None and not it.reserves:
            skipped[it.name] = "it reserves nothing, so nothing sells out"
        elif reason := it.missing():
            skipped[it.name] = reason
    return skipped


def _load(name: str, units: int | None) -> str:
    shelf = "more than can be ordered" if units is None else f"{units:,} units"
    return f"{name}, {ONE_PRODUCT.sentence}; {shelf} on the shelf"


if __name__ == "__main__":
    app()
