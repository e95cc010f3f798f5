"""Charts of lines and of bars."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.plots.scales import Scale, linear
from benchmarks.plots.svg import MARGIN, SERIES, WIDTH, Picture
from onhand.common.errors import OnhandError

_LEFT, _RIGHT = 84.0, WIDTH - 36.0
_HEIGHT = 340.0
_NAMES_PX = 168.0
_BAR_PX, _PITCH_PX = 26.0, 38.0
_ENLARGED = 6
"""What is so many times shorter than the longest bar cannot be read beside it."""


class TooMany(OnhandError):
    """There are not so many colours that can be told apart."""


class Point(NamedTuple):
    """Where a line goes through, with a word beside it, or none."""

    x: float
    y: float
    note: str = ""


class Line(NamedTuple):
    """What one line tells."""

    name: str
    points: Sequence[Point]


class Bar(NamedTuple):
    """What one bar is made of, by name."""

    name: str
    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self.parts.values())


def draw_lines(title: str, x: Scale, y: Scale, lines: Sequence[Line], sources: Sequence[str]) -> bytes:
    """Draw lines between two axes.

    Raises:
        TooMany: there are more lines than colours.
    """
    if len(lines) > SERIES:
        raise TooMany(f"{title}: {len(lines)} lines, and {SERIES} can be told apart; give fewer reports")
    picture = Picture(title)
    top = picture.legend([line.name for line in lines], 70, dashes=True) + 24
    bottom = top + _HEIGHT
    picture.text(MARGIN, top - 20, y.title, "dim")
    for number, words in y.marks:
        at = bottom - y.place(number) * _HEIGHT
        picture.line(_LEFT, at, _RIGHT, at)
        picture.text(_LEFT - 10, at + 5, words, "dim", "end")
    for number, words in x.marks:
        at = _across(x, number)
        picture.line(at, bottom, at, bottom + 6)
        picture.text(at, bottom + 24, words, "dim", "middle")
    picture.text(_RIGHT, bottom + 48, x.title, "dim", "end")
    for series, line in enumerate(lines):
        places = [(_across(x, it.x), bottom - y.place(it.y) * _HEIGHT) for it in line.points]
        picture.path(places, series)
        for (across, down), point in zip(places, line.points, strict=True):
            picture.dot(across, down, series)
            if point.note:
                picture.text(across, down - 10, point.note, "text", "middle")
    return picture.finish(bottom + 84, sources)


def draw_bars(title: str, unit: str, bars: Sequence[Bar], sources: Sequence[str]) -> bytes:
    """Draw bars below each other, each with its total; those that are too short to read once more, enlarged."""
    picture = Picture(title)
    names = list(dict.fromkeys(name for bar in bars for name in bar.parts))
    y = picture.legend(names, 70, dashes=False)
    y = _panel(picture, y, unit, bars, names)
    short = [bar for bar in bars if bar.total * _ENLARGED < max(it.total for it in bars)]
    if short:
        picture.text(MARGIN, y, "Those that are short above, enlarged", "text")
        y = _panel(picture, y + 10, unit, short, names)
    return picture.finish(y + 8, sources)


def _panel(picture: Picture, top: float, unit: str, bars: Sequence[Bar], names: Sequence[str]) -> float:
    """Draw some bars along an axis of their own; returns where there is room again."""
    left = MARGIN + _NAMES_PX
    scale = linear(unit, max(bar.total for bar in bars) * 1.1)
    bottom = top + _PITCH_PX * len(bars)
    for number, words in scale.marks:
        at = left + scale.place(number) * (_RIGHT - left)
        picture.line(at, top, at, bottom)
        picture.text(at, bottom + 20, words, "dim", "middle")
    picture.text(_RIGHT, bottom + 44, unit, "dim", "end")
    for row, bar in enumerate(bars):
        y, x = top + row * _PITCH_PX + 6, left
        picture.text(left - 12, y + 18, bar.name, "text", "end")
        for name, value in bar.parts.items():
            width = scale.place(value) * (_RIGHT - left)
            picture.box(x, y, width, _BAR_PX, names.index(name))
            x += width
        picture.text(x + 8, y + 18, f"{bar.total:,.0f}")
    return bottom + 78


def _across(scale: Scale, number: float) -> float:
    return _LEFT + scale.place(number) * (_RIGHT - _LEFT)
