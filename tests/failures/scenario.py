"""What a scenario is, and what it is given."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from random import Random

from tests.e2e.shared import new_system
from tests.e2e.system import System
from tests.failures.history import History
from tests.failures.load import Load

Tell = Callable[[Mapping[str, int]], object]
"""Hears the figures of a scenario while it runs."""


class CannotRun(Exception):
    """This machine cannot run the scenario; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a scenario has to work with.

    Attributes:
        system: runs everything, and is under load.
        load: may be asked how far it is.
        history: for what a scenario sends besides the load; see `Purchase.customer`.
        random: the source of every choice.
        seconds: how long to go on breaking things.
        figures: what was done, by name in the plural, for the table.
    """

    system: System
    load: Load
    history: History
    random: Random
    seconds: float
    tell: Tell = lambda _: None
    figures: Counter[str] = field(default_factory=Counter)

    @property
    def is_short(self) -> bool:
        """Whether one round is enough, and of much that is alike a part."""
        return self.seconds == 0

    def rounds(self) -> Iterator[int]:
        """Count from 1 until the time is over, and at least once."""
        end = time.monotonic() + self.seconds
        number = 1
        while number == 1 or time.monotonic() < end:
            yield number
            self.tell(self.figures)
            number += 1


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One kind of fault.

    Attributes:
        number: in the list of faults that the system has to survive.
        break_things: does so, and returns when nothing is broken any more. Its docstring is the scenario's.
        weight: its part of the time that all scenarios have together.
        settings: of the system, by name of environment variable.
        make_system: makes the system it runs on, not started; gets the settings.
        has_right_clocks: whether nobody sets the clock of the database.
    """

    number: int
    name: str
    break_things: Callable[[Run], None]
    weight: float = 1.0
    settings: Mapping[str, str] = field(default_factory=dict)
    make_system: Callable[..., AbstractContextManager[System]] = new_system
    has_right_clocks: bool = True

    @property
    def sentence(self) -> str:
        """What it does."""
        return (self.break_things.__doc__ or self.name).strip()
