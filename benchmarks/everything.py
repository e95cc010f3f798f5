"""`python -m benchmarks.everything`: all of docs/performance.md, one after the other, in one report."""

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer
from rich.console import Console

from benchmarks.choosing import choose
from benchmarks.plots.drawings import draw
from benchmarks.plots.reports import NotDrawn, read
from benchmarks.progress import progress_bar
from onhand.cli.commands import examples, tool

_ROOT = Path(__file__).parents[1]
_ROUNDS, _QUICK_ROUNDS = 5, 1
_QUICK_SECONDS = 2


class Part(NamedTuple):
    """A benchmark as it is run here.

    Attributes:
        name: on the command line and in the report.
        command: what Python is asked for, without how long.
        seconds: length of a round.
        only_full: options that are left out of a quick run.
    """

    name: str
    command: str
    seconds: int
    only_full: str = ""

    def words(self, *, is_quick: bool) -> list[str]:
        """What comes after `python`."""
        rounds, seconds = (_QUICK_ROUNDS, _QUICK_SECONDS) if is_quick else (_ROUNDS, self.seconds)
        command = self.command if is_quick else f"{self.command} {self.only_full}"
        return ["-m", *shlex.split(command), "--rounds", str(rounds), "--seconds", str(seconds)]


class Done(NamedTuple):
    """What came of a part.

    Attributes:
        command: by which it can be run alone.
        exit_code: of that command; None if it was stopped.
        told: what it printed.
        report: what it wrote for programs; None if it did not come so far.
    """

    name: str
    command: str
    seconds: float
    exit_code: int | None
    told: str
    report: bytes | None

    @property
    def outcome(self) -> str:
        """In a few words."""
        if self.exit_code is None:
            return "was stopped"
        return "complete" if self.exit_code == 0 else "NO FIGURE, or not all: see below"


PARTS = (
    Part(
        "closed-loop",
        "benchmarks --connections 1 --connections 16 --connections 64 --connections 256 --connections 1000",
        4,
    ),
    Part("fixed-rates", "benchmarks --rate 500 --rate 1000 --rate 2000 --rate 4000", 4),
    Part("peers", "benchmarks.peers --connections 64 --connections 256", 5),
    Part("peers-one-and-many", "benchmarks.peers --connections 1 --connections 1000", 3),
    Part("hot-product", "benchmarks.peers --system onhand --system monolith --connections 64 --units 1000000", 4),
    Part("sold-out", "benchmarks.peers --system onhand --system monolith --connections 64 --units 10000", 4),
    Part("peers-at-fixed-rate", "benchmarks.peers --rate 200", 4),
    Part("batches", "benchmarks --batch 100 --connections 1 --connections 10 --connections 64 --connections 256", 3),
    Part("overload", "benchmarks --overload --apart", 5),
    Part(
        "workloads",
        "benchmarks.workloads --workload checkouts --workload one-product --workload bulk --workload reads"
        " --workload gateways --workload floors",
        3,
    ),
    Part(
        "growth",
        "benchmarks.workloads --workload growth --connections 256 --orders 100000",
        5,
        only_full="--orders 1000000 --orders 5000000",
    ),
)
_PICTURES = (("closed-loop", "fixed-rates"), ("peers",), ("peers-one-and-many",), ("growth",))
"""Parts that are drawn together."""

app = tool()


@app.command(
    epilog=examples(
        "python -m benchmarks.everything --to report/",
        "python -m benchmarks.everything --quick",
        "python -m benchmarks.everything --part peers --part growth",
        'make bench-all ARGS="--quick --to report/"',
    )
)
def everything(
    to: Annotated[Path, typer.Option(metavar="DIR", help="Directory for the report and the pictures.")] = Path(
        ".bench/report"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="A round of each, and no more than 100,000 orders stored: some minutes.")
    ] = False,
    part: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Of {', '.join(it.name for it in PARTS)}.", show_default="all"),
    ] = None,
) -> None:
    """Run every benchmark, one after the other, and put what they tell into one report.

    It takes about an hour. DIR/report.txt has all tables, DIR/report.json the
    report of each part by its name; the pictures are beside them. The exit
    code is 1 if a part has no figure. Ctrl-C stops the part under way and
    keeps those that are done.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    chosen = choose(part, PARTS)
    out = Console(highlight=False, markup=False, soft_wrap=True)
    out.print(f"{len(chosen)} of {len(PARTS)} parts; all of them take {'some minutes' if quick else 'about an hour'}")
    begun = time.monotonic()
    done: list[Done] = []
    directory = to.absolute()
    (directory / "parts").mkdir(parents=True, exist_ok=True)
    for number, it in enumerate(chosen, start=1):
        out.print(f"{number} of {len(chosen)}, {it.name}: python {shlex.join(it.words(is_quick=quick))}")
        with progress_bar() as progress:
            progress.add_task(it.name, total=None)
            done.append(_run(it, directory / "parts", is_quick=quick))
        (directory / "report.json").write_bytes(as_json(done))
        (directory / "report.txt").write_text(as_text(done))
        out.print(f"    {done[-1].outcome}, after {_minutes(done[-1].seconds)}")
        if done[-1].exit_code is None:
            break
    for line in draw_parts(directory, done):
        out.print(line)
    out.print(f"{directory / 'report.txt'} and report.json, {_minutes(time.monotonic() - begun)} in all")
    raise typer.Exit(0 if all(it.exit_code == 0 for it in done) else 1)


def as_json(done: Sequence[Done]) -> bytes:
    """The report of each part by its name, as it was written; null for those without one."""
    reports: Mapping[str, msgspec.Raw | None] = {it.name: msgspec.Raw(it.report) if it.report else None for it in done}
    return msgspec.json.format(msgspec.json.encode(reports)) + b"\n"


def as_text(done: Sequence[Done]) -> str:
    """All parts in a few words, and then what each of them printed."""
    short = [f"{it.name}: {it.outcome}, after {_minutes(it.seconds)}\n" for it in done]
    return "".join([*short, *(f"\n\n=== {it.name} ===\n$ {it.command}\n\n{it.told}" for it in done)])


def draw_parts(directory: Path, done: Sequence[Done]) -> Iterator[str]:
    """Draw what has a figure; tells what was drawn, and why something was not."""
    written = {it.name: directory / "parts" / f"{it.name}.json" for it in done if it.report}
    for names in _PICTURES:
        files = [written[name] for name in names if name in written]
        try:
            pictures = draw([read(it) for it in files])
        except NotDrawn as error:
            yield f"no picture of {', '.join(names)}: {error}"
            continue
        for name, picture in pictures.items():
            (directory / f"{name}.svg").write_bytes(picture)
            yield f"{directory / name}.svg"


def _run(part: Part, directory: Path, *, is_quick: bool) -> Done:
    """Run a part to its end, or until Ctrl-C."""
    words = part.words(is_quick=is_quick)
    report, told = directory / f"{part.name}.json", directory / f"{part.name}.txt"
    report.unlink(missing_ok=True)  # it would be one of another run
    begun = time.monotonic()
    with told.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *words, "--json", str(report)],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours: we tell it, once
        )
    exit_code: int | None
    try:
        exit_code = process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        exit_code = None
    return Done(
        name=part.name,
        command=shlex.join(["python", *words]),
        seconds=time.monotonic() - begun,
        exit_code=exit_code,
        told=told.read_text(errors="replace"),
        report=report.read_bytes() if report.exists() else None,
    )


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02} min"


if __name__ == "__main__":
    app()
