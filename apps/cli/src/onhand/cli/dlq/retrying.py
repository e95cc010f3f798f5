"""Has dead letters tried again, and looks what comes of it."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import typer

from onhand.cli.dlq.choice import LetterId, State
from onhand.cli.dlq.letters import Letters, NoSuchLetter, Waiting
from onhand.cli.output import printable, progress

What = Literal["handled", "failed", "waiting", "untouched"]

_LOOK_SECONDS = 0.2
_MOST_SHOWN = 20
_WORDS: dict[What, str] = {
    "handled": "handled",
    "failed": "failed again",
    "waiting": "not tried yet",
    "untouched": "left alone",
}


class Outcome(msgspec.Struct, frozen=True):
    """What came of one letter.

    Attributes:
        outcome: waiting: its service has not tried it yet, or it has to wait behind another one; untouched: nobody
            has asked for it.
        error: why it failed again.
    """

    id: str
    outcome: What
    error: str = ""


async def retry_letters(letters: Letters, ids: Sequence[LetterId], wait_seconds: float) -> list[Outcome]:
    """Have letters tried again by their services, and wait until they are, at most for so long."""
    await letters.mark(ids)
    deadline = time.monotonic() + wait_seconds
    with progress() as show:
        while True:
            there = await letters.look(ids)
            due = sum(it.is_due for it in there.values())
            if not due or time.monotonic() >= deadline:
                break
            show("retrying", len(ids) - due, len(ids))
            await asyncio.sleep(_LOOK_SECONDS)
    return _outcomes(ids, there)


def _outcomes(ids: Sequence[LetterId], there: Mapping[LetterId, Waiting]) -> list[Outcome]:
    outcomes = []
    for letter_id in ids:
        it = there.get(letter_id)
        if it is None:
            outcomes.append(Outcome(str(letter_id), "handled"))
        elif it.is_due:
            outcomes.append(Outcome(str(letter_id), "waiting"))
        else:
            outcomes.append(Outcome(str(letter_id), "failed", it.error))
    return outcomes


async def refuse_parked(letters: Letters, ids: Sequence[LetterId]) -> None:
    """Make sure that letters which are named did fail.

    Raises:
        NoSuchLetter: one is parked, so nothing can be tried again.
    """
    for letter_id in ids:
        letter, _ = await letters.read(letter_id)
        if letter.state is State.PARKED:
            raise NoSuchLetter(
                f"{letter_id} did not fail, it is parked: it goes on by itself when what comes before it with the key "
                f"{printable(letter.key or '')} is retried or dropped"
            )


def show_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Say of each what came of it, of many only what did not go well, and how much that is."""
    is_short = len(outcomes) <= _MOST_SHOWN
    for it in [it for it in outcomes if is_short or it.outcome != "handled"][:_MOST_SHOWN]:
        typer.echo(f"{it.id} {_WORDS[it.outcome]}{': ' if it.error else ''}{printable(it.error)}")
    counts = Counter(it.outcome for it in outcomes)
    if not is_short:
        typer.echo(", ".join(f"{counts[outcome]} {word}" for outcome, word in _WORDS.items() if counts[outcome]))
