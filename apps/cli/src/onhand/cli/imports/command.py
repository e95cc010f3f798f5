"""Imports a file: reads all of it first, sends its rows in batches, and says what became of them."""

import hashlib
import shutil
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from os import fstat
from pathlib import Path
from time import monotonic
from typing import BinaryIO, NamedTuple, cast

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from onhand.cli.api import open_client
from onhand.cli.client.exports import ENDINGS, Format
from onhand.cli.client.gateway import Gateway
from onhand.cli.client.pairs import BadUsage
from onhand.cli.imports.journal import Journal, open_journal
from onhand.cli.imports.rows import BOM, BrokenFile, Row, read_rows
from onhand.cli.imports.sending import CutOff, Outcome, send

IN_FLIGHT = 3
"""Batches at once. With all of their rows they stay below what a gateway takes by default, 2,000."""
BATCH_ROWS = 500
_PIECE_BYTES = 1024 * 1024
_BEGINNING_BYTES = 64
_BATCH_BYTES = 4 * 1024 * 1024


class Wanted(NamedTuple):
    """What is imported, and how.

    Attributes:
        file: None for standard input.
        kind: of rows that do not say theirs: set, receive or adjust.
        location: of rows that do not say theirs; None for the default.
        name: under another name the same file is applied once more.
    """

    file: Path | None
    form: Format | None
    kind: str
    location: str | None
    name: str
    errors: Path | None


class Summary(msgspec.Struct, rename="camel"):
    """What became of a file.

    Attributes:
        applied: rows that are in effect now, `replayed` ones among them, which were known to be before.
        resumed_at: rows that an earlier run had answered to.
        errors: where refused rows are told; None if there are none.
    """

    rows: int
    applied: int
    replayed: int
    failed: int
    resumed_at: int
    seconds: float
    errors: str | None


class _Pending(NamedTuple):
    rows: Sequence[Row]
    outcomes: "Future[list[Outcome]]"


def import_stock(gateway: Gateway, wanted: Wanted) -> Summary:
    """Apply a file.

    Raises:
        BrokenFile: it cannot be read to its end; nothing was applied.
        Busy: another process imports it.
        CutOff: the gateway went away; the same command goes on.
        OSError: it, or what is written beside it, cannot be opened.
    """
    name = str(wanted.file or "standard input")
    state = None if wanted.file is None else wanted.file.with_name(f"{wanted.file.name}.import")
    errors = wanted.errors or Path(f"{wanted.file or 'stdin'}.errors.csv")
    with _opened(wanted.file) as file:
        form = wanted.form or _form_of(wanted.file, file)
        before = fstat(file.fileno())
        key, total = _digest(file, wanted), sum(1 for _ in read_rows(file, name, form))
        with open_journal(key, state, errors) as journal:
            began, resumed_at = monotonic(), journal.progress.rows
            rows = _unless_changed(read_rows(file, name, form), file, before.st_mtime_ns, name)
            try:
                _send_all(gateway, wanted, journal, rows, total)
            except (CutOff, KeyboardInterrupt) as error:
                so_far = f"{journal.progress.rows} of {total} rows were answered; run it again to go on"
                if isinstance(error, CutOff):
                    raise CutOff(f"{error}\n{so_far}") from None
                print(so_far, file=sys.stderr)  # noqa: T201  # behind the bar, which has gone
                raise
            progress = journal.progress
            return Summary(
                total,
                total - progress.failed,
                progress.replayed,
                progress.failed,
                resumed_at,
                round(monotonic() - began, 3),
                str(errors) if progress.failed else None,
            )


def _send_all(gateway: Gateway, wanted: Wanted, journal: Journal, rows: Iterator[Row], total: int) -> None:
    """Keep some batches under way, and note what became of them in the order of the file."""
    stopping, pending = threading.Event(), deque[_Pending]()
    begin = journal.progress.rows
    with open_client() as client, ThreadPoolExecutor(IN_FLIGHT) as pool, _bar(gateway, total, begin) as show:

        def settle() -> None:
            batch = pending[0]
            outcomes = batch.outcomes.result()
            refused = [(row, it.problem) for row, it in zip(batch.rows, outcomes, strict=True) if it.problem]
            journal.note(len(outcomes), sum(it.replayed for it in outcomes), refused)
            pending.popleft()
            show(journal.progress.rows)

        try:
            for batch, items in _batches(rows, wanted, journal.progress.key, begin):
                if len(pending) == IN_FLIGHT:
                    settle()
                pending.append(_Pending(batch, pool.submit(send, gateway, client, items, stopping)))
            while pending:
                settle()
        finally:
            stopping.set()


def _batches(
    rows: Iterator[Row], wanted: Wanted, key: str, begin: int
) -> Iterator[tuple[Sequence[Row], Sequence[bytes]]]:
    """Rows behind the first ones, with what is sent of them."""
    defaults = {"type": wanted.kind} | ({"locationId": wanted.location} if wanted.location else {})
    encoder = msgspec.json.Encoder()
    batch: list[Row] = []
    items: list[bytes] = []
    size = 0
    for row in rows:
        if row.number <= begin:
            continue
        item = encoder.encode(defaults | {"idempotencyKey": f"{key}-{row.number}"} | dict(row.fields))
        if len(items) == BATCH_ROWS or size + len(item) > _BATCH_BYTES:
            yield batch, items
            batch, items, size = [], [], 0
        batch.append(row)
        items.append(item)
        size += len(item)
    if batch:
        yield batch, items


def _unless_changed(rows: Iterator[Row], file: BinaryIO, modified: int, name: str) -> Iterator[Row]:
    """Rows, as long as the file is the one from which the keys were made."""
    for row in rows:
        if row.number % BATCH_ROWS == 1 and fstat(file.fileno()).st_mtime_ns != modified:
            raise BrokenFile(f"{name}, line {row.line}: the file was changed while it was imported")
        yield row


def _digest(file: BinaryIO, wanted: Wanted) -> str:
    """The name of the import, from which the key of each row is made: the file, and what gives its rows a meaning."""
    file.seek(0)
    content = hashlib.sha256()
    while some := file.read(_PIECE_BYTES):
        content.update(some)
    meaning = "\n".join((content.hexdigest(), wanted.kind, wanted.location or "", wanted.name))
    return hashlib.sha256(meaning.encode()).hexdigest()[:40]


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    """Open what can be read twice: what is piped is kept in a temporary file."""
    with sys.stdin.buffer if path is None else path.open("rb") as file:
        if path is not None and file.seekable():
            yield file
            return
        with tempfile.TemporaryFile() as kept:
            shutil.copyfileobj(file, kept)
            yield cast("BinaryIO", kept)


def _form_of(path: Path | None, file: BinaryIO) -> Format:
    if path is None:
        file.seek(0)
        begins = file.read(_BEGINNING_BYTES).removeprefix(BOM).lstrip()
        return Format.NDJSON if begins.startswith(b"{") else Format.CSV
    if path.suffix not in ENDINGS:
        raise BadUsage(f"{path} ends in none of {', '.join(ENDINGS)}: say --format csv or --format ndjson")
    return ENDINGS[path.suffix]


@contextmanager
def _bar(gateway: Gateway, total: int, done: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error while the block runs, if that is a terminal and a person looks at it."""
    terminal = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("rows  {task.fields[rate]}/s"), TimeRemainingColumn())
    is_hidden = gateway.as_json or not terminal.is_terminal
    with Progress(*columns, console=terminal, transient=True, disable=is_hidden) as bar:
        task, began = bar.add_task("", total=total, completed=done, rate=0), monotonic()

        def show(rows: int) -> None:
            rate = (rows - done) / max(monotonic() - began, 0.001)
            bar.update(task, completed=rows, rate=f"{rate:,.0f}")

        yield show
