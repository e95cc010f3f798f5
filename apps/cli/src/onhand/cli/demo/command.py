"""`onhand demo`: chooses the gateway, shows the shop live, and ends with `onhand verify`."""

import asyncio
import io
import ipaddress
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.live import Live

from onhand.cli.api import ask
from onhand.cli.commands import AsJson
from onhand.cli.demo.day import Plan, ShowFigures, sell
from onhand.cli.demo.figures import Figures, Summary
from onhand.cli.demo.screen import picture
from onhand.cli.output import cell, console, show_json, show_verdict
from onhand.cli.system import System
from onhand.cli.verification.verdict import Options
from onhand.cli.verify import VIOLATED, verify_system
from onhand.common.settings import load_settings

_PICTURE_COLUMNS = 80
_WITHIN_SECONDS = 15.0


def demo(
    *,
    seconds: Annotated[float, typer.Option(min=1, max=86_400, help="How long the shop is open.")] = 60.0,
    rate: Annotated[float, typer.Option(min=0.1, max=500, help="Shoppers a second.")] = 20.0,
    seed: Annotated[int, typer.Option(help="The same seed draws the same shoppers.")] = 1,
    url: Annotated[
        str | None,
        typer.Option(envvar="ONHAND_URL", help="URL of the gateway.", show_default="http://127.0.0.1:$GATEWAY_PORT"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, wherever the gateway is.")] = False,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep the last picture as SVG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let shoppers buy in a shop of its own, and watch what the system does.

    Products and customers are the demo's own: every id begins with
    demo- and a tag of the run. At the end, or after Ctrl-C, orders
    that still wait are cancelled, and `onhand verify` checks the whole
    system, if it is the one on this machine. The exit code is that of
    `onhand verify`: 0 if every invariant holds, 4 if not; and 5 if
    the gateway gives no answer at first.
    """
    settings = load_settings()
    ours = f"http://{settings.host}:{settings.gateway_port}"
    where = url or ours
    if not (yes or is_loopback(where)):
        typer.confirm(f"{where} is not on this machine. Place orders there?", abort=True, err=True)
    ask(where, "GET", "locations")
    plan = Plan(where, seconds, rate, seed, f"demo-{int(time.time()):x}")
    with _screen(plan, svg, as_json=as_json) as show:
        summary = asyncio.run(sell(plan, show))
    if not as_json:
        _show_summary(summary)
    _verify(System(settings), summary, is_ours=is_same_gateway(where, ours), as_json=as_json)


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine by an address that no other has."""
    try:
        return _is_this_machine(urlsplit(url).hostname or "")
    except ValueError:
        return False


def is_same_gateway(url: str, other: str) -> bool:
    """Whether two URLs lead to one gateway: this machine has many names, and a slash at the end is no other place."""
    try:
        return _place(url) == _place(other)
    except ValueError:
        return False


def _place(url: str) -> tuple[str, str, int, str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme, "localhost" if _is_this_machine(host) else host, parts.port or 80, parts.path.rstrip("/")


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified  # the latter is what a gateway may listen at


def plain_svg(svg: str) -> str:
    """Take out of Rich's picture its remarks, and the fonts that a browser would fetch from elsewhere."""
    return re.sub(r"[ \t]*(@font-face\s*\{.*?\}|<!--.*?-->)[ \t]*\n", "", svg, flags=re.DOTALL)


@contextmanager
def _screen(plan: Plan, svg: Path | None, *, as_json: bool) -> Iterator[ShowFigures]:
    """Show what is told while the block runs, on a terminal, and keep the last picture if that is wanted."""
    terminal = Console(stderr=as_json)
    latest: list[RenderableType] = []  # one at most: of an open shop
    with Live(console=terminal, screen=terminal.is_terminal, auto_refresh=False) as live:

        def show(figures: Figures, elapsed: float, state: str) -> None:
            frame = picture(figures, elapsed, plan.seconds, state)
            if not state:
                latest[:] = [frame]
            if terminal.is_terminal:
                live.update(frame, refresh=True)

        yield show
    if svg and latest:
        paper = Console(record=True, width=_PICTURE_COLUMNS, file=io.StringIO(), force_terminal=True)
        paper.print(latest[0])
        svg.write_text(plain_svg(paper.export_svg(title="onhand demo", unique_id="demo")))


def _show_summary(it: Summary) -> None:
    out = console()
    out.print(
        cell(f"{it.orders:,} orders in {it.seconds} s ({it.orders_per_second}/s), of products and customers {it.tag}-*")
    )
    out.print(
        cell(f"  decided      {it.confirmed:,} confirmed, {it.backordered:,} backordered, {it.rejected:,} rejected")
    )
    out.print(cell(f"  afterwards   {it.fulfilled:,} sent off, {it.returned:,} sent back, {it.cancelled:,} cancelled"))
    out.print(cell(f"  waiting      {it.filled:,} backorders filled by {it.deliveries:,} deliveries"))
    out.print(cell(f"  holds        {it.held:,}, of which {it.expired:,} expired"))
    out.print(cell(f"  201 in       {it.p50_ms:,} ms (median), {it.p99_ms:,} ms (p99)"))
    out.print(
        cell(f"  decided in   {it.settled_p50_ms:,} ms (median), {it.settled_p99_ms:,} ms (p99), as seen by asking")
    )
    if it.retried or it.unsettled or it.unanswered or it.skipped:
        out.print(
            cell(
                f"  trouble      {it.retried:,} requests sent again, {it.unanswered:,} given up, "
                f"{it.unsettled:,} orders not decided in time, {it.skipped:,} shoppers turned away"
            )
        )
    out.print("")


def _verify(system: System, summary: Summary, *, is_ours: bool, as_json: bool) -> None:
    """Check the system if it is the one that the settings name: `onhand verify` reads its databases."""
    verdict = verify_system(system, Options(_WITHIN_SECONDS)) if is_ours else None
    if as_json:
        told: dict[str, Any] = msgspec.to_builtins(summary)
        show_json(told | {"verdict": msgspec.to_builtins(verdict)})
    elif verdict:
        show_verdict(verdict)
    else:
        typer.echo("not verified: `onhand verify` has to run where the databases of that system are named")
    if verdict and not verdict.holds:
        raise typer.Exit(VIOLATED)
