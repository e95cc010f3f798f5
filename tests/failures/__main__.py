"""`python -m tests.failures`: break the system in every way there is, and print what held."""

import os
import random
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from onhand.cli.commands import examples, tool
from tests.failures.report import as_json, in_words, print_report
from tests.failures.runner import Result, run
from tests.failures.scenario import Scenario
from tests.failures.scenarios import SCENARIOS

OVERHEAD_SECONDS = 12.0
"""What a scenario takes besides breaking things: starting a system, healing, checking."""

app = tool()


@app.command(
    epilog=examples(
        "python -m tests.failures",
        "python -m tests.failures --scenario kills --seconds 60 --seed 42",
        "make torture SECONDS=60 SCENARIO=kills SEED=42",
    )
)
def torture(
    scenario: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Name or number; may be given more than once.", show_default="all"),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, metavar="N", help="For all scenarios together.")] = 600,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Repeat the choices of an earlier run.", show_default="random")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="Where histories and logs go.", show_default="a temporary directory, kept if anything broke"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Kill, pause, cut and fill things while load runs, and check that nothing is lost and nothing sold twice.

    Each scenario gets its part of the time, on a system of its own with
    embedded servers. The exit code is 1 if anything broke, and
    with CI in the environment also if anything was skipped.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    chosen = _chosen(scenario)
    seed = random.randrange(2**32) if seed is None else seed  # noqa: S311  # chance, not secrecy
    console = Console(stderr=True)
    console.print(f"seed {seed}")
    with _directory(keep) as directory:
        results = _run_all(chosen, seconds, seed, directory, console)
        bad_verdicts = {"broken", "skipped"} if "CI" in os.environ else {"broken"}
        is_broken = any(result.verdict in bad_verdicts for result in results)
        if is_broken and not keep:
            keep = Path(tempfile.mkdtemp(prefix="onhand-torture-"))
            shutil.copytree(directory, keep, dirs_exist_ok=True)
    if json:
        typer.echo(as_json(results))
    else:
        out = Console()
        print_report(results, out if out.is_terminal else Console(width=240))
    if keep:
        console.print(f"histories and logs are in {keep}", soft_wrap=True)
    raise typer.Exit(1 if is_broken else 0)


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    """Where histories and logs go while they are written; a temporary place if they need not be kept."""
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
    else:
        with tempfile.TemporaryDirectory(prefix="onhand-torture-") as directory:
            yield Path(directory)


def _chosen(names: list[str] | None) -> list[Scenario]:
    if not names:
        return list(SCENARIOS)
    if unknown := set(names) - {known for it in SCENARIOS for known in (it.name, str(it.number))}:
        there = ", ".join(it.name for it in SCENARIOS)
        raise typer.BadParameter(f"there is no scenario {', '.join(sorted(unknown))}; there are {there}")
    return [it for it in SCENARIOS if it.name in names or str(it.number) in names]


def _run_all(chosen: list[Scenario], seconds: float, seed: int, directory: Path, console: Console) -> list[Result]:
    """Run one after the other; each gets its part of the time by its weight."""
    time_to_break = max(0.0, seconds - OVERHEAD_SECONDS * len(chosen))
    weights = sum(it.weight for it in chosen)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    results = []
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(chosen))
        for it in chosen:

            def tell(figures: Mapping[str, int], it: Scenario = it) -> None:
                progress.update(task, description=f"{it.name}: {in_words(figures) or it.sentence}")

            tell({})
            share = time_to_break * it.weight / weights
            results.append(run(it, seconds=share, seed=seed, keep=directory, tell=tell))
            progress.console.print(f"{it.name}: {results[-1].verdict}, {in_words(results[-1].figures)}", soft_wrap=True)
            progress.advance(task)
    return results


if __name__ == "__main__":
    app()
