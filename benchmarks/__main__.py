"""`python -m benchmarks`: load the system and print what it did."""

import asyncio
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from benchmarks import load
from benchmarks.facts import facts
from benchmarks.ledger import open_ledger
from benchmarks.measure import Round, run_round
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
    json: Annotated[Path | None, typer.Option(help="Write the report to a file, for programs.")] = None,
) -> None:
    """Load a fresh system with orders and print orders/s, latency until 201, and CPU per order.

    Every round waits until all orders are settled and compares what was
    answered with what is stored. The exit code is 1 if an accepted order
    did not reach its end or a request was refused. Uses wrk if it is there.
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
    # A number of connections comes again only after the others: what disturbs the machine then disturbs all alike.
    plan = (connections or [64, 256]) * rounds
    with progress:
        task = progress.add_task("starting the system", total=len(plan) + 1)
        with nullcontext(running_system(url)) if url else fresh_system() as target:
            report = asyncio.run(_run(target, plan, seconds, progress, task))
    print_report(report, Console())
    if json:
        write_json(report, json)
    raise typer.Exit(0 if report.complete else 1)


async def _run(target: Target, plan: list[int], seconds: int, progress: Progress, task: TaskID) -> Report:
    progress.update(task, description="warming up")
    await asyncio.to_thread(ask, target.url, "PUT", "stock", load.PRODUCT, body={"onHand": _ON_HAND})
    ledger = await open_ledger(target.orders_url, target.inventory_url, load.PRODUCT)
    try:
        known = await facts(target.redis_url, ledger)
        await run_round(target, ledger, max(plan), _WARM_UP_SECONDS)
        rounds: list[Round] = []
        for number, connections in enumerate(plan, start=1):
            progress.update(task, advance=1, description=f"round {number} of {len(plan)}: {connections} connections")
            rounds.append(await run_round(target, ledger, connections, seconds))
        return make_report(load.name(), known, rounds)
    finally:
        await ledger.close()


if __name__ == "__main__":
    app()
