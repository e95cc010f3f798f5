"""Pictures as SVG, on light pages and on dark ones: whoever shows it chooses the colours.

The same drawing gives the same bytes.
"""

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

WIDTH = 880
MARGIN = 24
TEXT_PX = 15
_SOURCE_PX = 13
_SOURCE_LINE_PX = 19
_SOURCE_LETTERS = 118
_LETTER_PX = 8.2
"""Width of a letter of text, by and large: nobody can say which font there is."""


class Theme(NamedTuple):
    """Colours of the page, of text, of text that matters less, of lines behind everything, and of what is compared."""

    page: str
    text: str
    dim: str
    grid: str
    series: Sequence[str]


_LIGHT = Theme(
    "#ffffff", "#1f2328", "#59636e", "#d1d9e0", ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#7d6600")
)
_DARK = Theme(
    "#0d1117", "#f0f6fc", "#9198a1", "#3d444d", ("#4493f8", "#f0883e", "#3fb950", "#ab7df8", "#f778ba", "#d29922")
)
_DASHES = ("none", "8 4", "2 4", "10 3 2 3", "4 3", "14 4")
"""So that lines differ also where colours do not."""
SERIES = len(_DASHES)


class Picture:
    """Things on a page; places are in pixels from its upper left corner."""

    def __init__(self, title: str) -> None:
        self._root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-label": title})
        SubElement(self._root, "title").text = title
        SubElement(self._root, "style").text = _style()
        self._page = SubElement(self._root, "rect", {"class": "page", "width": "100%", "height": "100%", "rx": "6"})
        self.text(MARGIN, 38, title, "heading")

    def text(self, x: float, y: float, words: str, kind: str = "text", anchor: str = "start") -> None:
        """Write in one line, beginning at (`start`), around (`middle`) or up to (`end`) a place."""
        self._add("text", kind, x=x, y=y, text_anchor=anchor).text = words

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> None:
        """Draw a straight line."""
        self._add("line", kind, x1=x1, y1=y1, x2=x2, y2=y2)

    def path(self, places: Iterable[tuple[float, float]], series: int) -> None:
        """Draw a line from place to place."""
        self._add("polyline", f"line{series}", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places))

    def dot(self, x: float, y: float, series: int) -> None:
        """Mark a place."""
        self._add("circle", f"fill{series}", cx=x, cy=y, r=4)

    def box(self, x: float, y: float, width: float, height: float, series: int) -> None:
        """Fill a rectangle."""
        self._add("rect", f"fill{series}", x=x, y=y, width=width, height=height)

    def legend(self, names: Sequence[str], y: float, *, dashes: bool) -> float:
        """Say what the colours mean, as lines or as boxes, in rows from `y` on; returns where the next row would be."""
        x = float(MARGIN)
        for series, name in enumerate(names):
            width = 44 + _LETTER_PX * len(name)
            if x > MARGIN and x + width > WIDTH - MARGIN:
                x, y = float(MARGIN), y + 24
            if dashes:
                self.path([(x, y - 5), (x + 28, y - 5)], series)
            else:
                self.box(x + 8, y - 12, 14, 14, series)
            self.text(x + 34, y, name)
            x += width + 12
        return y + 24

    def finish(self, y: float, sources: Iterable[str]) -> bytes:
        """Say below `y` what it is made of, end the page there, and return all of it."""
        for source in sources:
            for words in wrap(source, _SOURCE_LETTERS, break_long_words=False):
                self.text(MARGIN, y, words, "source")
                y += _SOURCE_LINE_PX
        self._root.set("viewBox", f"0 0 {WIDTH} {y:.0f}")
        indent(self._root)
        return tostring(self._root) + b"\n"

    def _add(self, tag: str, kind: str, **attributes: float | str) -> Element:
        told = {
            name.replace("_", "-"): it if isinstance(it, str) else f"{it:.1f}".removesuffix(".0")
            for name, it in attributes.items()
        }
        return SubElement(self._root, tag, {"class": kind, **told})


def _style() -> str:
    dashes = "".join(f".line{number}{{stroke-dasharray:{it}}}" for number, it in enumerate(_DASHES))
    return (
        f"text{{font:{TEXT_PX}px system-ui,sans-serif}}text.heading{{font-size:20px;font-weight:600}}"
        f"text.source{{font-size:{_SOURCE_PX}px}}polyline{{fill:none;stroke-width:2.5}}{dashes}"
        f"{_colours(_LIGHT)}@media (prefers-color-scheme:dark){{{_colours(_DARK)}}}"
    )


def _colours(theme: Theme) -> str:
    series = "".join(
        f".fill{it}{{fill:{colour}}}.line{it}{{stroke:{colour}}}" for it, colour in enumerate(theme.series)
    )
    return (
        f".page{{fill:{theme.page}}}.text,.heading{{fill:{theme.text}}}.dim,.source{{fill:{theme.dim}}}"
        f".grid{{stroke:{theme.grid}}}{series}"
    )
