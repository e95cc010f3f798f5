"""What commands print: tables for people, JSON for programs."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from onhand.cli.status import Component
from onhand.cli.system import Service, System
from onhand.cli.verification.findings import Verdict
from onhand.cli.verification.verdict import ShowProgress

_STYLES = {"ready": "green", "starting": "yellow", "down": "red", "confirmed": "green", "rejected": "red"}
_STYLES |= {"backordered": "yellow", "cancelled": "yellow", "active": "green", "expired": "yellow"}
_STYLES |= {"holds": "green", "violated": "bold red", "failed": "red", "parked": "yellow", "handled": "green"}


def show_json(value: object) -> None:
    """Print a value as one line of JSON."""
    typer.echo(msgspec.json.encode(value))


def show_components(components: Iterable[Component]) -> None:
    """Print one line for each component."""
    table = Table("component", "state", "pid", "uptime", "memory", "address", box=None, pad_edge=False)
    for it in components:
        uptime = "" if it.uptime_seconds is None else timedelta(seconds=int(it.uptime_seconds))
        memory = "" if it.memory_bytes is None else f"{it.memory_bytes / 1e6:.0f} MB"
        table.add_row(*map(cell, (it.name, it.state, it.pid or "", uptime, memory, it.address)))
    console().print(table)


def show_verdict(verdict: Verdict) -> None:
    """Print one line for each invariant, and then what is wrong."""
    table = Table("", "invariant", "checked", "violations", "verdict", box=None, pad_edge=False)
    wrong = Table("", "what", "is wrong", box=None, pad_edge=False)
    for check in verdict.checks:
        verdict_in_a_word = "holds" if check.holds else "violated"
        table.add_row(*map(cell, (check.invariant, check.says, check.checked, check.violations, verdict_in_a_word)))
        for it in check.findings:
            wrong.add_row(*map(cell, (it.invariant, it.subject, it.problem)))
        if more := check.violations - sum(it.count for it in check.findings):
            wrong.add_row(*map(cell, (check.invariant, "", f"and {more} more")))
    out = console()
    out.print(table)
    if not verdict.holds:
        out.print("", wrong)
    for note in verdict.notes:
        out.print(cell(f"note: {note}"))


def ready_text(system: System, services: Sequence[Service]) -> str:
    """Say where everything is and what to try."""
    programs = [system.service(service) for service in services]
    lines = ["", "Ready:", *(f"  {program.name:<9}  {program.address}" for program in programs), ""]
    if Service.GATEWAY in services:
        api = f"{system.service(Service.GATEWAY).address}/api/gateway"
        json = "-H 'Content-Type: application/json' -d"
        lines += [
            "Try, in another terminal:",
            f"  curl -X PUT {api}/stock/123 {json} '{{\"onHand\": 10}}'",
            f'  curl -X POST {api}/orders {json} \'{{"productId": "123", "quantity": 5, "customerId": "cust-456"}}\'',
            f"  curl {api}/orders/ORDER_ID",
            "",
        ]
    return "\n".join(lines)


@contextmanager
def progress() -> Iterator[ShowProgress]:
    """Show a bar on standard error while the block runs, if that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    terminal = Console(stderr=True)
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}  # at most one: what is done now

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks:
                if tasks:
                    bars.remove_task(tasks.popitem()[1])
                tasks[what] = bars.add_task(what, total=of or None)
            bars.update(tasks[what], completed=done)

        yield show


def printable(text: str, keep: str = "") -> str:
    """Escape what would not be printed but obeyed by a terminal: anybody may have written it."""
    return "".join(it if it.isprintable() or it in keep else repr(it)[1:-1] for it in text)


def console() -> Console:
    """Return where tables go: as wide as they need to be when no terminal limits them."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=1000)


def cell(value: object) -> Text:
    """What stands in one cell of a table, in the colour of what it says."""
    text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else printable(str(value))
    return Text(text, style=_STYLES.get(text, ""))
