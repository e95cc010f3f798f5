"""`python -m benchmarks.workloads`: what else a shop asks of the system, and what the machine could do at most."""

import signal
import sys
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from benchmarks import files, load
from benchmarks.choosing import choose
from benchmarks.options import Connections, Json, Seconds
from benchmarks.progress import progress_bar
from benchmarks.report import write_json
from benchmarks.workloads.kinds import KINDS
from benchmarks.workloads.one_product import MOST_BUYERS
from benchmarks.workloads.scale import Scale
from benchmarks.workloads.table import WIDTH, make_workload_report, print_workload_report
from onhand.cli.commands import examples, tool

app = tool()


@app.command(
    epilog=examples(
        "python -m benchmarks.workloads",
        "python -m benchmarks.workloads --workload checkouts --connections 64",
        "python -m benchmarks.workloads --workload one-product --buyers 500",
        "python -m benchmarks.workloads --workload growth --orders 100000 --orders 1000000 --orders 5000000",
        "python -m benchmarks.workloads --workload reads --workload floors --json speed.json",
    )
)
def workloads(  # noqa: PLR0913, PLR0917  # each is an option of the command line
    workload: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Of {', '.join(it.name for it in KINDS)}.", show_default="all"),
    ] = None,
    connections: Connections = None,
    rounds: Annotated[int, typer.Option(min=1, metavar="N", help="Rounds of each case, in turn.")] = 5,
    seconds: Seconds = 8,
    products: Annotated[
        int, typer.Option(min=1, metavar="N", help="In the catalogue that checkouts choose from.")
    ] = 100_000,
    orders: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Stored before. May be given more than once: growth has a line for each, reads take the first.",
            show_default="100000",
        ),
    ] = None,
    buyers: Annotated[
        int, typer.Option(min=1, max=MOST_BUYERS, metavar="N", help="Who want one product at once.")
    ] = 1000,
    json: Json = None,
) -> None:
    """Load fresh systems with other work than single orders for one product, and print one table.

    Each workload has a system of its own, and is checked when it is over. One
    that broke a promise has no figure, and the exit code is 1. Uses wrk if
    it is there.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    files.allow_many()
    chosen = choose(workload, KINDS)
    sizes = list(dict.fromkeys(orders or [100_000]))
    scale = Scale(connections or [64, 256], rounds, seconds, products, sizes, buyers)
    results = []
    with progress_bar() as progress:
        task = progress.add_task("", total=len(chosen))
        for kind in chosen:
            results.append(kind.run(scale, partial(_say, progress, task, kind.name)))
            progress.advance(task)
    report = make_workload_report(f"{load.name()}, rounds of {seconds} s", results)
    print_workload_report(report, Console(width=None if sys.stdout.isatty() else WIDTH))
    if json:
        write_json(report, json)
    raise typer.Exit(0 if report.complete else 1)


def _say(progress: Progress, task: TaskID, workload: str, done: str) -> None:
    progress.update(task, description=f"{workload}: {done}")


if __name__ == "__main__":
    app()
