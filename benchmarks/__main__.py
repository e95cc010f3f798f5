"""`python -m benchmarks`: load the system and print what it did."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks import cores, files, load
from benchmarks.basket import Basket, fill_basket, in_batches
from benchmarks.batches import WIDTH as BATCH_REPORT_WIDTH
from benchmarks.batches import BatchReport, connections_for, make_batch_report, print_batch_report
from benchmarks.batches import run_in_turn as run_batches_in_turn
from benchmarks.cores import Cores
from benchmarks.ledger import Ledger
from benchmarks.measure import Round, run_round
from benchmarks.options import Connections, Json, Rates, Seconds
from benchmarks.overload import Outcome, Setting, outcome, run_pairs, settings
from benchmarks.overload_report import make_overload_report, print_overload_report
from benchmarks.preload import store
from benchmarks.progress import progress_bar
from benchmarks.rates import CONNECTIONS, RateReport, RateRound, make_rate_report, run_rate
from benchmarks.rates_report import print_rate_report
from benchmarks.report import Report, make_report, print_report, write_json
from benchmarks.shelf import shelve
from benchmarks.target import Target, fresh_system, running_system
from benchmarks.volume import Side, Volume, run_in_turn, sum_up, verify_target
from benchmarks.volume_report import VolumeReport, print_volume_report
from benchmarks.warm import warm
from onhand.cli.commands import examples, tool

_WIDTH = 140
"""Columns of a file or a pipe: with one connection an order costs thousands of microseconds."""

app = tool()


@app.command(
    epilog=examples(
        "python -m benchmarks",
        "python -m benchmarks --rounds 7 --seconds 20 --json speed.json",
        "python -m benchmarks --connections 1 --connections 1000",
        "python -m benchmarks --rate 2000 --rate 4000",
        "python -m benchmarks --url http://127.0.0.1:3000",
        "python -m benchmarks --overload",
        "python -m benchmarks --overload --apart",
        "python -m benchmarks --lines 10",
        "python -m benchmarks --preload 1000000 --connections 256",
        "python -m benchmarks --batch 100",
        'make bench ARGS="--connections 64"',
    )
)
def bench(  # noqa: PLR0913, PLR0917  # each is an option of the command line
    url: Annotated[
        str | None,
        typer.Option(help="Gateway of a running system; its stock of product 123 is set.", show_default="a new system"),
    ] = None,
    connections: Connections = None,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Rounds for each number of connections, in turn.")
    ] = 5,
    seconds: Seconds = 10,
    rate: Rates = None,
    overload: Annotated[
        bool, typer.Option("--overload", help="Offer three times the best instead, and compare the goodput.")
    ] = False,
    apart: Annotated[
        bool,
        typer.Option("--apart", help="With --overload: the load generator has a core of its own."),
    ] = False,
    lines: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Of each order.")] = 1,
    preload: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Compare with a system in which so many orders and products are stored."),
    ] = 0,
    batch: Annotated[
        int,
        typer.Option(min=0, max=1000, metavar="N", help="Compare with batches of so many orders."),
    ] = 0,
    json: Json = None,
) -> None:
    """Load a fresh system with orders and print orders/s, latency until 201, and CPU per order.

    Every round waits until all orders are settled and compares what was
    answered with what is stored. The exit code is 1 if an accepted order
    did not reach its end or a request was refused. Uses wrk if it is there.
    With --overload refusals are as it should be, and rounds are pairs.
    With --preload two systems are loaded in turn, and rounds are pairs.
    With --batch single requests and batches are sent in turn.
    With --rate latency counts from when a request was to be sent. There is
    no figure of servers that may lose what they took (fsync or AOF off).
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    files.allow_many()
    progress = progress_bar()
    if ((url or overload) and preload) or (overload and lines > 1):
        raise typer.BadParameter("--preload goes with neither --url nor --overload, and --overload not with --lines")
    if batch and (overload or preload):
        raise typer.BadParameter("--batch goes with neither --preload nor --overload")
    if apart and (url or not overload):
        raise typer.BadParameter("--apart goes with --overload, and not with --url")
    if rate and (overload or preload or batch or len(connections or []) > 1):
        raise typer.BadParameter("--rate goes with neither --overload, --preload nor --batch, and one --connections")
    plan = Plan(fill_basket(lines), connections or ([CONNECTIONS] if rate else [64, 256]), rounds, seconds)
    if rate:
        complete = _rates(progress, url, rate, plan, json)
    elif preload:
        complete = _volume(progress, preload, plan, json)
    elif batch:
        complete = _batches(progress, url, batch, plan, json)
    elif overload:
        complete = _overload(progress, url, cores.apart() if apart else None, plan, json)
    else:
        complete = _speed(progress, url, plan, json)
    raise typer.Exit(0 if complete else 1)


class Plan(NamedTuple):
    """What is to be ordered, over how many connections, how often, and for how many seconds each time."""

    basket: Basket
    connections: list[int]
    rounds: int
    seconds: int

    @property
    def turns(self) -> list[int]:
        """Connections of each round.

        A number comes again only after the others: what disturbs the machine then disturbs all alike.
        """
        return self.connections * self.rounds


def _speed(progress: Progress, url: str | None, plan: Plan, json: Path | None) -> bool:
    """Load as fast as it goes; returns whether every accepted order reached its end."""
    turns = plan.turns

    async def run(target: Target) -> Report:
        progress.update(task, description="warming up")
        async with _warm(target, plan) as (ledger, known):
            done: list[Round] = []
            for number, count in enumerate(turns, start=1):
                progress.update(task, advance=1, description=f"round {number} of {len(turns)}: {count} connections")
                done.append(await run_round(target, ledger, count, plan.seconds))
            return make_report(_load(plan), known, done, plan.basket.lines)

    with progress:
        task = progress.add_task("starting the system", total=len(turns) + 1)
        with nullcontext(running_system(url)) if url else fresh_system() as target:
            report = asyncio.run(run(target))
    print_report(report, Console(width=None if sys.stdout.isatty() else _WIDTH))
    if json:
        write_json(report, json)
    return report.complete


def _rates(progress: Progress, url: str | None, rates: list[int], plan: Plan, json: Path | None) -> bool:
    """Load at fixed rates, one after the other in turn; returns whether every accepted order reached its end."""
    turns = rates * plan.rounds
    (connections,) = plan.connections

    async def run(target: Target) -> RateReport:
        async with _warm(target, plan) as (ledger, known):
            done: list[RateRound] = []
            for rate in turns:
                done.append(await run_rate(target, ledger, connections, plan.seconds, rate))
                progress.update(task, advance=1, description=f"round {len(done)} of {len(turns)}")
            return make_rate_report(plan.basket.sentence, known, connections, done)

    with progress:
        task = progress.add_task("starting the system", total=len(turns) + 1)
        with nullcontext(running_system(url)) if url else fresh_system() as target:
            report = asyncio.run(run(target))
    print_rate_report(report, Console(width=None if sys.stdout.isatty() else _WIDTH))
    if json:
        write_json(report, json)
    return report.complete


def _overload(progress: Progress, url: str | None, apart: Cores | None, plan: Plan, json: Path | None) -> bool:
    """Offer more than can be done; returns whether every accepted order reached its end."""
    if apart:
        apart.take_load()

    async def run(target: Target, setting: Setting) -> tuple[dict[str, str], Outcome]:
        async with _warm(target, plan) as (ledger, known):
            done: list[Round] = []
            async for one in run_pairs(target, ledger, setting, plan.connections, plan.rounds, plan.seconds):
                done.append(one)
                progress.update(task, advance=1, description=f"MAX_IN_FLIGHT={setting.max_in_flight}")
            return known, outcome(setting, done)

    outcomes = []
    with progress:
        tried = settings(url, apart)
        total = len(tried) * plan.rounds * (len(plan.connections) + 2)
        task = progress.add_task("starting the system", total=total)
        for setting in tried:
            with setting.target() as target:
                known, result = asyncio.run(run(target, setting))
                outcomes.append(result)
    report = make_overload_report(load.name(), known | {"cores": str(apart or "shared")}, outcomes)
    print_overload_report(report, Console())
    if json:
        write_json(report, json)
    return report.complete


def _volume(progress: Progress, stored: int, plan: Plan, json: Path | None) -> bool:
    """Load an empty system and a full one in turn; returns whether all is complete and right."""

    async def run(empty: Target, full: Target) -> tuple[dict[str, str], Volume]:
        progress.update(task, description=f"storing {stored:,} orders and products")
        await store(full.orders_url, full.inventory_url, stored)
        async with _warm(empty, plan) as (of_empty, known), _warm(full, plan) as (of_full, _):
            pairs = []
            async for pair in run_in_turn(Side(empty, of_empty), Side(full, of_full), plan.turns, plan.seconds):
                pairs.append(pair)
                progress.update(task, advance=1, description=f"pair {len(pairs)} of {len(plan.turns)}")
        progress.update(task, description="verifying the full one")
        return known, sum_up(stored, pairs, await verify_target(full))

    with progress:
        task = progress.add_task("starting the systems", total=len(plan.turns) + 1)
        with fresh_system() as empty, fresh_system() as full:
            known, volume = asyncio.run(run(empty, full))
    report = VolumeReport(_load(plan), known, volume)
    print_volume_report(report, Console())
    if json:
        write_json(report, json)
    return volume.is_complete


def _batches(progress: Progress, url: str | None, size: int, plan: Plan, json: Path | None) -> bool:
    """Load with single requests and with batches in turn; returns whether every accepted order reached its end."""
    in_bulk = plan._replace(basket=in_batches(plan.basket, size), connections=[connections_for(size)])

    async def run(target: Target) -> BatchReport:
        async with _warm(target, plan) as (single, known), _warm(target, in_bulk) as (batches, _):
            pairs = []
            async for pair in run_batches_in_turn(target, single, batches, plan.turns, plan.seconds):
                pairs.append(pair)
                progress.update(task, advance=1, description=f"pair {len(pairs)} of {len(plan.turns)}")
            return make_batch_report(_load(plan), known, size, pairs)

    with progress:
        task = progress.add_task("starting the system", total=len(plan.turns) + 1)
        with nullcontext(running_system(url)) if url else fresh_system() as target:
            report = asyncio.run(run(target))
    print_batch_report(report, Console(width=BATCH_REPORT_WIDTH))
    if json:
        write_json(report, json)
    return report.complete


def _load(plan: Plan) -> str:
    return f"{load.name()}, {plan.basket.sentence}"


@asynccontextmanager
async def _warm(target: Target, plan: Plan) -> AsyncGenerator[tuple[Ledger, dict[str, str]]]:
    """Put stock on the shelf and load the system for a moment; gives its books, and what it is."""
    await shelve(target.url, plan.basket.products)
    async with warm(target, plan.basket, max(plan.connections)) as its_books:
        yield its_books


if __name__ == "__main__":
    app()
