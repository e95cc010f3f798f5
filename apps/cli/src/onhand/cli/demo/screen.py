"""The demo's picture of the shop: what fits into a terminal of 80 columns and 24 lines, and wider."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from onhand.cli.demo.figures import Figures, Shelf

_BLOCKS = " ▁▂▃▄▅▆▇█"
_BAR = 11
_NEWS_LINES = 5
_RATE_SECONDS = 26
_MIDDLE_HEIGHT = 15


def picture(figures: Figures, elapsed: float, seconds: float, state: str = "") -> RenderableType:
    """Return the whole screen.

    Args:
        figures: what is shown.
        elapsed: seconds since the beginning.
        seconds: that the run is meant to last.
        state: a word on what is being done, if it is not selling.
    """
    middle = Table.grid(expand=True)
    middle.add_column(ratio=1)
    middle.add_column(ratio=1)
    middle.add_row(
        Panel(_orders(figures, elapsed), title="orders", border_style="cyan", height=_MIDDLE_HEIGHT),
        Panel(_shelves(figures), title="shelves", border_style="cyan", height=_MIDDLE_HEIGHT),
    )
    news = Table.grid()
    for style, sentence in list(figures.news)[:_NEWS_LINES]:
        news.add_row(Text(f"● {sentence}", style=style, no_wrap=True, overflow="ellipsis"))
    bottom = Panel(news, title="now", border_style="cyan", height=_NEWS_LINES + 2)
    return Group(_head(figures, elapsed, seconds, state), middle, bottom)


def sparkline(values: list[int], width: int) -> str:
    """Draw values as bars of one line, the last one at the right."""
    top = max([*values, 1])
    bars = "".join(_BLOCKS[-(-value * (len(_BLOCKS) - 1) // top)] for value in values[-width:])
    return bars.rjust(width)


def _head(figures: Figures, elapsed: float, seconds: float, state: str) -> Table:
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right")
    left = Text.assemble(("onhand demo", "bold cyan"), f"  shop {figures.tag}, seed {figures.seed}")
    right = Text(state or f"{min(elapsed, seconds):.0f} of {seconds:.0f} s   Ctrl-C ends it", style="dim")
    head.add_row(left, right)
    return head


def _orders(figures: Figures, elapsed: float) -> Group:
    counts = figures.counts
    rates = figures.rates(elapsed, _RATE_SECONDS)
    lately = rates[-5:]
    p50, p99 = figures.percentiles()
    rate = sum(lately) / len(lately) if lately else 0.0
    first = Text.assemble((f"{counts['orders']:,}", "bold"), " orders")
    second = Text(f"201 in {p50:,.0f} ms, p99 {p99:,.0f} ms")
    line = Text.assemble((sparkline(rates, _RATE_SECONDS), "green"), (f" {rate:.0f}/s", "bold green"))
    outcomes = Table.grid(padding=(0, 1))
    for name, style in (("confirmed", "green"), ("backordered", "yellow"), ("rejected", "red")):
        share = counts[name] / max(counts["orders"], 1)
        outcomes.add_row(Text(name, style=style), _bar(share, style), Text(f"{counts[name]:,}", justify="right"))
    later = Table.grid(padding=(0, 1))
    for names in (("fulfilled", "returned"), ("cancelled", "filled"), ("held", "expired"), ("deliveries", "run_dry")):
        cells = [(Text(_WORDS[name], style="dim"), Text(f"{counts[name]:,}", justify="right")) for name in names]
        later.add_row(*(cell for pair in cells for cell in pair))
    return Group(first, second, line, "", outcomes, "", later, _trouble(counts["retried"], counts["unanswered"]))


def _trouble(retried: int, unanswered: int) -> Text:
    return Text(f"{retried:,} sent again, {unanswered:,} given up" if retried or unanswered else "", style="red")


_WORDS = {
    "fulfilled": "sent off",
    "returned": "sent back",
    "cancelled": "cancelled",
    "filled": "filled",
    "held": "held",
    "expired": "expired",
    "deliveries": "deliveries",
    "run_dry": "ran out",
}


def _shelves(figures: Figures) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for shelf in figures.shelves.values():
        share = shelf.available / shelf.full
        style = "red" if share <= 0 else "yellow" if share < 1 / 4 else "green"
        table.add_row(Text(shelf.name), _bar(share, style), _stands(shelf))
    return table


def _stands(shelf: Shelf) -> Text:
    if shelf.available > 0:
        return Text(f"{shelf.available}")
    return Text(f"out {shelf.waiting}↻" if shelf.waiting else "out", style="red")


def _bar(share: float, style: str) -> Text:
    filled = max(0, min(_BAR, round(share * _BAR)))
    return Text.assemble(("█" * filled, style), ("░" * (_BAR - filled), "dim"))
