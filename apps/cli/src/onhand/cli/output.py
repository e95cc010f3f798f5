"""What commands print: tables for people, JSON for programs."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from onhand.cli.status import Component
from onhand.cli.system import Service, System
from onhand.cli.verification.findings import Verdict

_STYLES = {"ready": "green", "starting": "yellow", "down": "red", "confirmed": "green", "rejected": "red"}
_STYLES |= {"holds": "green", "violated": "bold red"}


def show_json(value: object) -> None:
    """Print a value as one line of JSON."""
    typer.echo(msgspec.json.encode(value))


def show_object(body: bytes) -> None:
    """Print a JSON object as a table of its fields."""
    table = Table.grid(padding=(0, 3))
    for name, value in msgspec.json.decode(body, type=dict[str, object]).items():
        table.add_row(Text(name, style="bold"), _cell(value))
    _console().print(table)


def show_components(components: Iterable[Component]) -> None:
    """Print one line for each component."""
    table = Table("component", "state", "pid", "uptime", "memory", "address", box=None, pad_edge=False)
    for it in components:
        uptime = "" if it.uptime_seconds is None else timedelta(seconds=int(it.uptime_seconds))
        memory = "" if it.memory_bytes is None else f"{it.memory_bytes / 1e6:.0f} MB"
        table.add_row(*map(_cell, (it.name, it.state, it.pid or "", uptime, memory, it.address)))
    _console().print(table)


def show_verdict(verdict: Verdict) -> None:
    """Print one line for each invariant, and then what is wrong."""
    table = Table("", "invariant", "checked", "violations", "verdict", box=None, pad_edge=False)
    wrong = Table("", "what", "is wrong", box=None, pad_edge=False)
    for check in verdict.checks:
        verdict_in_a_word = "holds" if check.holds else "violated"
        table.add_row(*map(_cell, (check.invariant, check.says, check.checked, check.violations, verdict_in_a_word)))
        for it in check.findings:
            wrong.add_row(*map(_cell, (it.invariant, it.subject, it.problem)))
        if more := check.violations - sum(it.count for it in check.findings):
            wrong.add_row(*map(_cell, (check.invariant, "", f"and {more} more")))
    console = _console()
    console.print(table)
    if not verdict.holds:
        console.print("", wrong)
    for note in verdict.notes:
        console.print(_cell(f"note: {note}"))


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


def _console() -> Console:
    """Return where tables go: as wide as they need to be when no terminal limits them."""
    console = Console()
    return console if console.is_terminal else Console(width=1000)


def _cell(value: object) -> Text:
    text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    return Text(text, style=_STYLES.get(text, ""))
