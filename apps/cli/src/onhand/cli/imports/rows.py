"""The rows of a file, in constant memory, and what is wrong with a file of which none may be trusted.

A file that is broken anywhere (not UTF-8, a row that is cut off or has too few fields) is told by its line. What a row
says is the gateway's to judge: here it is only put into JSON.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

import msgspec

from onhand.cli.client.exports import Format
from onhand.cli.client.pairs import BadUsage

LONGEST_ROW = 64 * 1024
"""Bytes; more than any row that the gateway would take."""
_TEXTS = ("productId", "type", "locationId", "incomingId", "reason", "reference")
_NUMBERS = ("onHand", "quantity")
_PASSED_OVER = ("reserved", "available", "incoming", "safetyStock")
"""What `onhand stock export` tells besides, and nobody can set."""
_DELIMITERS = ",;\t|"
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
BOM = b"\xef\xbb\xbf"


class BrokenFile(BadUsage):
    """A file that cannot be read to its end; nothing of it is applied."""


class Row(NamedTuple):
    """One change of stock.

    Attributes:
        number: from 1, without the header and blank lines.
        line: in which it begins.
        fields: as JSON has them.
    """

    number: int
    line: int
    fields: Mapping[str, object]


def read_rows(file: BinaryIO, name: str, form: Format) -> Iterator[Row]:
    """Read a file from its beginning.

    Args:
        file: has it.
        name: of the file, for people.
        form: what it is written in.

    Raises:
        BrokenFile: when a row is reached that cannot be read.
    """
    file.seek(0)
    lines = _Lines(file, name)
    rows = _read_csv(lines) if form is Format.CSV else _read_ndjson(lines)
    for number, (line, fields) in enumerate(rows, start=1):
        yield Row(number, line, fields)


class _Lines(Iterator[str]):
    """Lines as text. They are counted, and so are the bytes of a row, which may have several."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._bytes = 0
        self._count = 0
        self.begun = 1
        self.is_whole = True

    def __next__(self) -> str:
        raw = self._file.readline(LONGEST_ROW + 1)
        if not raw:
            raise StopIteration
        self._count += 1
        self._bytes += len(raw)
        if self._bytes > LONGEST_ROW:
            raise self.broken(f"a row has more than {LONGEST_ROW} bytes", self.begun)
        self.is_whole = raw.endswith(b"\n")
        try:
            return (raw.removeprefix(BOM) if self._count == 1 else raw).decode()
        except UnicodeDecodeError as error:
            raise self.broken(f"is not UTF-8: byte {error.start + 1} is 0x{error.object[error.start]:02x}") from None

    def begin_row(self) -> None:
        """What comes now belongs to the next row."""
        self._bytes, self.begun = 0, self._count + 1

    def broken(self, what: str, line: int | None = None) -> BrokenFile:
        return BrokenFile(f"{self._name}, line {line or max(self._count, 1)}: {what}; nothing of the file was applied")


def _read_csv(lines: _Lines) -> Iterator[tuple[int, Mapping[str, object]]]:
    columns, delimiter = _read_header(lines)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_row()
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise lines.broken(f"is no CSV: {error}", lines.begun) from None
        if cells is None:
            return
        if not lines.is_whole:
            # Its last number may have lost digits. A file that is whole as it is lacks only a newline.
            raise lines.broken("the file ends in the middle of a row: there is no newline at its end", lines.begun)
        if not cells:
            continue
        if len(cells) != len(columns):
            raise lines.broken(f"has {len(cells)} fields, and the header {len(columns)}", lines.begun)
        yield lines.begun, _fields(columns, cells)


def _read_header(lines: _Lines) -> tuple[Sequence[str], str]:
    """The columns, and what separates them: that by which they can be understood."""
    header = next(lines, None)
    if header is None:
        raise lines.broken("the file is empty; a header is wanted, such as productId,onHand")
    for delimiter in _DELIMITERS:
        try:
            columns = [name.strip() for name in next(csv.reader([header], delimiter=delimiter, strict=True), [])]
        except csv.Error:
            continue
        if "productId" in columns and (len(columns) > 1 or header.strip() == "productId"):
            break
    else:
        raise lines.broken("the header should name productId, and be separated by a comma, a semicolon, a tab or a |")
    if not {*_NUMBERS} & {*columns}:
        raise lines.broken("the header should name onHand, or quantity")
    for name in columns:
        if name not in (*_TEXTS, *_NUMBERS, *_PASSED_OVER):
            known = ", ".join((*_TEXTS, *_NUMBERS))
            raise lines.broken(f"the header names {name!r}, which is no column; there are {known}")
        if columns.count(name) > 1:
            raise lines.broken(f"the header names {name} twice")
    return columns, delimiter


def _fields(columns: Sequence[str], cells: Sequence[str]) -> Mapping[str, object]:
    """What a row says; an empty cell says nothing."""
    given = {name: cell.strip() for name, cell in zip(columns, cells, strict=True) if name not in _PASSED_OVER}
    return {
        name: int(cell) if name in _NUMBERS and _WHOLE.fullmatch(cell) else cell for name, cell in given.items() if cell
    }


def _read_ndjson(lines: _Lines) -> Iterator[tuple[int, Mapping[str, object]]]:
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])  # the values as they are: a number may be of any length
    is_empty = True
    while (line := next(lines, None)) is not None:
        begun = lines.begun
        lines.begin_row()
        is_empty = False
        if line.isspace():
            continue
        try:
            yield begun, decoder.decode(line.rstrip("\r\n"))
        except (msgspec.MsgspecError, UnicodeEncodeError) as error:
            what = "no JSON object" if lines.is_whole else "no whole JSON object, and the last line of the file"
            raise lines.broken(f"is {what}: {error}", begun) from None
    if is_empty:
        raise lines.broken("the file is empty")
