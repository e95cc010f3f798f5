"""Lists of the gateway as files: of any length, in constant memory, and whole or not there."""

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from onhand.cli.client.gateway import Gateway
from onhand.cli.client.lists import Entry, List, read_entries
from onhand.cli.client.pairs import BadUsage


class Format(StrEnum):
    """How entries are written."""

    NDJSON = "ndjson"
    CSV = "csv"


File = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="Where to write; '-' or nothing for standard output.")
]
Form = Annotated[
    Format | None, typer.Option("--format", help="How.", show_default="by the ending of the file; else ndjson")
]
ENDINGS = {".csv": Format.CSV, ".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON}
"""How a file is written, by the ending of its name."""
_STEP = 100


def export(gateway: Gateway, of: List, filters: Mapping[str, object], file: Path | None, form: Format | None) -> None:
    """Write a list down, and tell on standard error how far it is if that is a terminal.

    Raises:
        BadUsage: the ending of the file does not say how, or it would be CSV where JSON is asked for.
        OnhandError: the gateway cannot be asked, or refuses.
        OSError: it cannot be written.
    """
    target = None if file is None or str(file) == "-" else file
    how = form or _format_of(target)
    if gateway.as_json and how is Format.CSV:
        raise BadUsage("--json and CSV do not go together: --json writes ndjson")
    entries = _counted(read_entries(gateway, of, filters), of.name)
    with _opened(target) as out:
        if how is Format.CSV:
            _write_csv(out, of, entries)
        else:
            for entry in entries:
                out.write(bytes(entry) + b"\n")


def _format_of(target: Path | None) -> Format:
    if target is None:
        return Format.NDJSON
    if target.suffix not in ENDINGS:
        raise BadUsage(f"{target} ends in none of {', '.join(ENDINGS)}: say --format csv or --format ndjson")
    return ENDINGS[target.suffix]


@contextmanager
def _opened(target: Path | None) -> Iterator[BinaryIO]:
    """Open what is written to. A file has its name only once it is whole: half of it looks like all of it."""
    if target is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as out:
            yield out
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(out: BinaryIO, of: List, entries: Iterator[msgspec.Raw]) -> None:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.DictWriter(text, of.columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for entry in entries:
            for row in of.rows(msgspec.json.decode(entry, type=Entry)):
                writer.writerow({name: _plain(value) for name, value in row.items()})
    finally:
        text.detach()  # it would close what is not its own


def _plain(value: object) -> object:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | bool) else value


def _counted(entries: Iterator[msgspec.Raw], name: str) -> Iterator[msgspec.Raw]:
    """Pass on entries and show how many there were."""
    terminal = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed} {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        for number, entry in enumerate(entries, start=1):
            if number % _STEP == 0:
                bar.update(task, completed=number)
            yield entry
