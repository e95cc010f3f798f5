"""How far an import has come, on disk, and the rows that were refused: so that one that was cut off goes on."""

import csv
import fcntl
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from onhand.cli.imports.rows import Row
from onhand.common.errors import OnhandError

_COLUMNS = ("line", "productId", "problem")
_MOST_BYTES = 4096


class Busy(OnhandError):
    """Somebody else imports the same file."""


class Progress(msgspec.Struct):
    """How far it is.

    Attributes:
        key: of the import; a file that has changed has another.
        rows: that were answered, from the first one on.
        failed: of these, how many were refused.
        replayed: of these, how many were known to be applied before.
        error_bytes: how much of the file of errors is about them.
    """

    key: str
    rows: int = 0
    failed: int = 0
    replayed: int = 0
    error_bytes: int = 0


class Journal:
    """Progress, and the file of errors that belongs to it."""

    def __init__(self, progress: Progress, state: io.FileIO | None, errors: Path) -> None:
        self.progress = progress
        self._state = state
        self._errors = errors

    def note(self, rows: int, replayed: int, refused: Sequence[tuple[Row, str]]) -> None:
        """Write down what became of the next rows: first what was refused, so that none is forgotten."""
        progress = self.progress
        if refused:
            progress.error_bytes = self._write_errors(refused)
        progress.rows += rows
        progress.failed += len(refused)
        progress.replayed += replayed
        if self._state is not None:
            text = msgspec.json.encode(progress)
            # One write in place, so that the lock stays. What a loss of power tears is as none: keys see to the rest.
            os.pwrite(self._state.fileno(), text.ljust(_MOST_BYTES), 0)

    def _write_errors(self, refused: Sequence[tuple[Row, str]]) -> int:
        """Go on where the last known error ends: an import that was killed may have written more."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        if not self.progress.error_bytes:
            writer.writerow(_COLUMNS)
        for row, problem in refused:
            writer.writerow((row.line, _product_of(row), problem))
        with self._errors.open("r+b" if self._errors.exists() else "xb") as file:
            file.truncate(self.progress.error_bytes)
            file.seek(self.progress.error_bytes)
            file.write(text.getvalue().encode())
            return file.tell()


@contextmanager
def open_journal(key: str, state: Path | None, errors: Path) -> Iterator[Journal]:
    """Go on with an import, or begin it.

    Args:
        key: of the import.
        state: where progress is; it is gone once the block ends well. None: the import cannot go on, only be repeated.
        errors: where refused rows are told.

    Raises:
        Busy: another process has it.
        OSError: it cannot be written.
    """
    if state is None:
        yield _begun(Progress(key), None, errors)
        return
    with state.open("a+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"{state} is locked: another process imports the same file") from None
        with state.open("r+b", buffering=0) as writable:  # what is opened to append cannot be written in place
            yield _begun(_read(writable, key), writable, errors)
        state.unlink(missing_ok=True)


def _read(file: io.FileIO, key: str) -> Progress:
    try:
        progress = msgspec.json.decode(file.read(_MOST_BYTES), type=Progress)
    except msgspec.MsgspecError:
        return Progress(key)
    return progress if progress.key == key else Progress(key)


def _begun(progress: Progress, state: io.FileIO | None, errors: Path) -> Journal:
    if not progress.error_bytes:
        errors.unlink(missing_ok=True)  # of another import
    return Journal(progress, state, errors)


def _product_of(row: Row) -> object:
    product = row.fields.get("productId", "")
    return bytes(product).decode() if isinstance(product, msgspec.Raw) else product
