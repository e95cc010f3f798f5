"""What `onhand dlq` prints."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from rich.table import Table
from rich.text import Text

from onhand.cli.dlq.choice import LetterId
from onhand.cli.dlq.letters import Letter
from onhand.cli.output import cell, console, printable

_LONGEST_ERROR = 100
_LONGEST_PAYLOAD = 20_000
_MOST_IDS = 20


def show_letters(letters: Sequence[Letter], total: int) -> None:
    """Print one line for each letter."""
    if not total:
        console().print("no dead letters")
        return
    table = Table("id", "state", "key", "type", "attempts", "age", "behind", "error", box=None, pad_edge=False)
    for it in letters:
        age = timedelta(seconds=int((datetime.now(UTC) - it.buried_at).total_seconds()))
        error = it.error if len(it.error) <= _LONGEST_ERROR else f"{it.error[:_LONGEST_ERROR]}..."
        state = "to be retried" if it.retry else it.state
        table.add_row(*map(cell, (it.id, state, it.key or "", it.type or "", it.attempts, age, it.behind or "", error)))
    out = console()
    out.print(table)
    if total > len(letters):
        out.print(f"{len(letters)} of {total} dead letters: --limit shows more of them")


def show_letter(letter: Letter, payload: bytes) -> None:
    """Print all there is of one letter."""
    table = Table.grid(padding=(0, 3))
    for name, value in msgspec.to_builtins(letter).items():
        table.add_row(Text(name, style="bold"), cell("" if value is None else value))
    out = console()
    out.print(table, "")
    out.print(Text(readable(payload)), soft_wrap=True)


def readable(payload: bytes) -> str:
    """A payload as a person can read it, whatever is in it."""
    try:
        text = msgspec.json.format(payload, indent=2).decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        text = payload.decode(errors="backslashreplace")
    if len(text) <= _LONGEST_PAYLOAD:
        return printable(text, keep="\n")
    return f"{printable(text[:_LONGEST_PAYLOAD], keep=chr(10))}\n... {len(payload)} bytes in all, --json prints them"


def with_payload(letter: Letter, payload: bytes) -> dict[str, object]:
    """A letter with its payload, for programs: as JSON if it is JSON, else as bytes."""
    fields: dict[str, object] = msgspec.to_builtins(letter)
    try:
        return fields | {"payload": msgspec.json.decode(payload)}
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return fields | {"payloadBase64": payload}


def listed(ids: Iterable[LetterId | str]) -> str:
    """Ids in a line, the first of them if they are many."""
    texts = [str(letter_id) for letter_id in ids]
    more = f" and {len(texts) - _MOST_IDS} more" if len(texts) > _MOST_IDS else ""
    return ", ".join(texts[:_MOST_IDS]) + more
