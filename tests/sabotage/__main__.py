"""`python -m tests.sabotage`: break the code in many ways, one at a time, and print which tests notice."""

import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from onhand.cli.commands import AsJson, examples, tool
from tests.sabotage.breakage import Breakage, OutOfDate
from tests.sabotage.breakages import BREAKAGES
from tests.sabotage.trial import CannotTry, Result, attempt, check_unbroken

ROOT = Path(__file__).parents[2]
_STYLES = {"noticed": "green", "unnoticed": "bold red", "otherwise": "bold red"}

app = tool()


@app.command(
    epilog=examples(
        "python -m tests.sabotage",
        "python -m tests.sabotage --name no-tombstone",
        'make sabotage NAME="no-tombstone no-claims"',
    )
)
def sabotage(
    name: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="May be given more than once.", show_default="all")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Only say what would be broken.")] = False,
    json: AsJson = False,
) -> None:
    """Break a copy of the code on purpose, and check that the tests notice.

    The tests have to pass on the code as it is, and to fail on each
    broken copy, with the failure that was meant. The exit code is 1 if
    anything went unnoticed, and 2 if it could not be tried.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    chosen = _chosen(name)
    if list_:
        _print_list(chosen, json=json)
        return
    try:
        results = _try_all(chosen, Console(stderr=True))
    except (OutOfDate, CannotTry) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    if json:
        typer.echo(msgspec.json.encode(results))
    else:
        _print_results(results)
    raise typer.Exit(0 if all(result.verdict == "noticed" for result in results) else 1)


def _chosen(names: list[str] | None) -> list[Breakage]:
    there = {it.name: it for it in BREAKAGES}
    if unknown := sorted(set(names or ()) - there.keys()):
        raise typer.BadParameter(f"there is no breakage {', '.join(unknown)}; there are {', '.join(there)}")
    return [it for it in BREAKAGES if not names or it.name in names]


def _try_all(chosen: list[Breakage], console: Console) -> list[Result]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    results = []
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("nothing broken", total=len(chosen) + 1)
        check_unbroken(chosen, ROOT)
        progress.advance(task)
        for it in chosen:
            progress.update(task, description=it.name)
            results.append(attempt(it, ROOT))
            progress.console.print(f"{it.name}: {results[-1].verdict} ({results[-1].seconds:.0f} s)")
            progress.advance(task)
    return results


def _print_list(chosen: list[Breakage], *, json: bool) -> None:
    if json:
        typer.echo(msgspec.json.encode(chosen))
        return
    table = _table("name", "what is broken", "promise", "has to be noticed by")
    for it in chosen:
        table.add_row(it.name, it.sentence, it.promise, _tests(it.tests))
    _print(table)


def _print_results(results: list[Result]) -> None:
    table = _table("name", "what is broken", "promise", "noticed by", "s", "verdict")
    for it in results:
        verdict = f"[{_STYLES[it.verdict]}]{it.verdict}[/]"
        table.add_row(it.name, it.sentence, it.promise, _tests(it.tests), f"{it.seconds:.0f}", verdict)
    _print(table)
    for it in results:
        for reason in it.reasons:
            typer.echo(f"{it.name}: {reason}")


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading)
    return table


def _print(table: Table) -> None:
    out = Console()
    (out if out.is_terminal else Console(width=240)).print(table)


def _tests(tests: tuple[str, ...]) -> str:
    return "\n".join(test.rpartition("/")[2] for test in tests)


if __name__ == "__main__":
    app()
