"""Waiting for something to become true, instead of for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.01, 0.1


def eventually(condition: Callable[[], T | None], *, seconds: float = 30.0) -> T:
    """Ask again and again until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE_SECONDS
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE_SECONDS, pause * 1.2)  # to ask keeps the cores from what is waited for
    return answer
