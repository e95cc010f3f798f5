"""Where a number is on an axis, and which numbers are written beside it."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

_MOST_STEPS = 6
_MOST_MARKS = 10
_STEPS = (1, 2, 5)


class Scale(NamedTuple):
    """An axis.

    Attributes:
        title: what is told along it, and in what.
        marks: numbers that are written beside it, and how.
        place: how far along it a number is, from 0 to 1.
    """

    title: str
    marks: Sequence[tuple[float, str]]
    place: Callable[[float], float]


def linear(title: str, most: float) -> Scale:
    """From nothing to at least `most`, in round steps."""
    rough = max(most, 1e-9) / _MOST_STEPS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = magnitude * next(it for it in (*_STEPS, 10) if it * magnitude >= rough)
    marks = [number * step for number in range(math.ceil(most / step) + 1)]
    return Scale(title, [(it, _words(it)) for it in marks], lambda number: number / marks[-1])


def logarithmic(title: str, least: float, most: float) -> Scale:
    """From at most `least` to at least `most`; the same distance is the same multiple."""
    lowest, highest = math.floor(math.log10(least)), math.ceil(math.log10(most))
    every = [step * 10.0**power for power in range(lowest, highest + 1) for step in _STEPS]
    first = max(it for it in every if it <= least * 1.000001)
    last = min(it for it in every if it >= most * 0.999999 and it > first)
    marks = [it for it in every if first <= it <= last]
    if len(marks) > _MOST_MARKS:
        marks = [10.0**power for power in range(lowest, highest + 1)]
    low, high = math.log(marks[0]), math.log(marks[-1])
    return Scale(title, [(it, _words(it)) for it in marks], lambda number: (math.log(number) - low) / (high - low))


def slots(title: str, names: Sequence[str]) -> Scale:
    """One place for each name, all as far from each other; the numbers are those of the names."""
    return Scale(title, list(enumerate(names)), lambda number: (number + 0.5) / len(names))


def _words(number: float) -> str:
    return f"{number:,.0f}" if number >= 1 or not number else f"{number:g}"
