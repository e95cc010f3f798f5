"""Options that several benchmarks have."""

from pathlib import Path
from typing import Annotated

import typer

Connections = Annotated[
    list[int] | None,
    typer.Option(min=1, metavar="N", help="May be given more than once.", show_default="64 and 256"),
]
Seconds = Annotated[int, typer.Option(min=1, metavar="N", help="Length of a round's load.")]
Json = Annotated[Path | None, typer.Option(help="Write the report to a file, for programs.")]
Rates = Annotated[
    list[int] | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Requests per second at fixed times, see docs/performance.md. May be given more"
        " than once. --connections bounds what is under way.",
        show_default="as fast as it goes",
    ),
]
