"""`python -m benchmarks`: load the system and print what it did."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks import load
from benchmarks.facts import facts
from benchmarks.ledger import Ledger, open_ledger
from benchmarks.measure import Round, run_round
from benchmarks.overload import Outcome, Setting, outcome, run_pairs, settings
from benchmarks.overload_report import make_overload_report, print_overload_report, write_overload_json
from benchmarks.report import Report, make_report, print_report, write_json
from benchmarks.target import Target, fresh_system, running_system
from onhand.cli.api import ask
from onhand.cli.commands import Commands, examples

_ON_HAND = 2**31 - 1
_WARM_UP_SECONDS = 3

app = Commands(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command(
    epilog=examples(
        "python -m benchmarks",
        "python -m benchmarks --rounds 5 --seconds 20 --json speed.json",
        "python -m benchmarks --connections 1 --connections 1024",
        "python -m benchmarks --url http://127.0.0.1:3000",
        "python -m benchmarks --overload",
        'make bench ARGS="--rounds 5"',
    )
)
def bench(
    url: Annotated[
        str | None,
        typer.Option(help="Gateway of a running system; its stock of product 123 is set.", show_default="a new system"),
    ] = None,
    connections: Annotated[
        list[int] | None,
        typer.Option(min=1, metavar="N", help="May be given more than once.", show_default="64 and 256"),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Rounds for each number of connections, in turn.")
    ] = 3,
    seconds: Annotated[int, typer.Option(min=1, metavar="N", help="Length of a round's load.")] = 10,
    overload: Annotated[
        bool, typer.Option("--overload", help="Offer three times the best instead, and compare the goodput.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Write the report to a file, for programs.")] = None,
) -> None:
    """Load a fresh system with orders and print orders/s, latency until 201, and CPU per order.

    Every round waits until all orders are settled and compares what was
    answered with what is stored. The exit code is 1 if an accepted order
    did not reach its end or a request was refused. Uses wrk if it is there.
    With --overload refusals are as it should be, and rounds are pairs.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    run = _overload if overload else _speed
    complete = run(progress, url, connections or [64, 256], rounds, seconds, json)
    raise typer.Exit(0 if complete else 1)


def _speed(
    progress: Progress, url: str | None, connections: list[int], rounds: int, seconds: int, json: Path | None
) -> bool:
    """Load as fast as it goes; returns whether every accepted order reached its end."""
    # A number of connections comes again only after the others: what disturbs the machine then disturbs all alike.
    plan = connections * rounds

    async def run(target: Target) -> Report:
        progress.update(task, description="warming up")
        async with _warm(target, max(plan)) as (ledger, known):
            done: list[Round] = []
            for number, count in enumerate(plan, start=1):
                progress.update(task, advance=1, description=f"round {number} of {len(plan)}: {count} connections")
                done.append(await run_round(target, ledger, count, seconds))
            return make_report(load.name(), known, done)

    with progress:
        task = progress.add_task("starting the system", total=len(plan) + 1)
        with nullcontext(running_system(url)) if url else fresh_system() as target:
            report = asyncio.run(run(target))
    print_report(report, Console())
    if json:
        write_json(report, json)
    return report.complete


def _overload(
    progress: Progress, url: str | None, connections: list[int], rounds: int, seconds: int, json: Path | None
) -> bool:
    """Offer more than can be done; returns whether every accepted order reached its end."""

    async def run(target: Target, setting: Setting) -> tuple[dict[str, str], Outcome]:
        async with _warm(target, max(connections)) as (ledger, known):
            done: list[Round] = []
            async for one in run_pairs(target, ledger, setting, connections, rounds, seconds):
                done.append(one)
                progress.update(task, advance=1, description=f"MAX_IN_FLIGHT={setting.max_in_flight}")
            return known, outcome(setting, done)

    outcomes = []
    with progress:
        plan = settings(url)
        task = progress.add_task("starting the system", total=len(plan) * rounds * (len(connections) + 2))
        for setting in plan:
            with setting.target() as target:
                known, result = asyncio.run(run(target, setting))
                outcomes.append(result)
    report = make_overload_report(load.name(), known, outcomes)
    print_overload_report(report, Console())
    if json:
        write_overload_json(report, json)
    return report.complete


@asynccontextmanager
async def _warm(target: Target, connections: int) -> AsyncGenerator[tuple[Ledger, dict[str, str]]]:
    """Put stock on the shelf and load the system for a moment; gives its books, and what it is."""
    await asyncio.to_thread(ask, target.url, "PUT", "stock", load.PRODUCT, body={"onHand": _ON_HAND})
    ledger = await open_ledger(target.orders_url, target.inventory_url, load.PRODUCT)
    try:
        known = await facts(target.redis_url, ledger)
        await run_round(target, ledger, connections, _WARM_UP_SECONDS)
        yield ledger, known
    finally:
        await ledger.close()


if __name__ == "__main__":
    app()
