"""Answers of the gateway as tables for people."""

from collections.abc import Mapping, Sequence

import msgspec
from rich.table import Table
from rich.text import Text

from onhand.cli.output import cell, console


def show_answer(body: bytes) -> None:
    """Print a JSON object: its fields one below the other, and a table for each list in it that is not empty."""
    fields = msgspec.json.decode(body, type=dict[str, object])
    lists = {name: value for name, value in fields.items() if isinstance(value, list)}
    out = console()
    if len(lists) < len(fields):
        out.print(_as_grid({name: value for name, value in fields.items() if name not in lists}))
    for name, rows in lists.items():
        if rows:
            out.print("", Text(name, style="bold"), _as_table(rows), sep="\n")


def _as_grid(fields: Mapping[str, object]) -> Table:
    grid = Table.grid(padding=(0, 3))
    for name, value in fields.items():
        grid.add_row(Text(name, style="bold"), _cell(value))
    return grid


def _as_table(rows: Sequence[Mapping[str, object]]) -> Table:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_cell(row.get(name, "")) for name in columns))
    return table


def _cell(value: object) -> Text:
    return cell(msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value)
