"""`python -m benchmarks.plots`: draw what benchmarks reported."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.plots.drawings import draw
from benchmarks.plots.reports import read
from onhand.cli.commands import examples, tool

app = tool()


@app.command(
    epilog=examples(
        "python -m benchmarks.plots speed.json rates.json peers.json growth.json --to docs/",
    )
)
def plots(
    reports: Annotated[list[Path], typer.Argument(metavar="REPORT...", help="Written by a benchmark with --json.")],
    to: Annotated[Path, typer.Option(help="Directory for the pictures.")] = Path("docs"),
) -> None:
    """Draw SVG pictures of reports: latency, cost-N for each number of connections, growth.

    A report in which something was wrong with the orders is refused.
    """
    pictures = draw([read(it) for it in reports])
    to.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        file = to / f"{name}.svg"
        file.write_bytes(picture)
        Console().print(f"{file}: {len(picture):,} bytes", highlight=False)


if __name__ == "__main__":
    app()
