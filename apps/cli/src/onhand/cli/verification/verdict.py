"""Checks all invariants: reads everything once, and then again and again only what looked wrong."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from onhand.cli.verification.dead_letters import read_dead_letters
from onhand.cli.verification.findings import SAYS, Findings, Verdict
from onhand.cli.verification.leftovers import Marks, find_leftovers, set_marks
from onhand.cli.verification.replay import replay_latest
from onhand.cli.verification.snapshots import Books, Snapshot
from onhand.cli.verification.stories import judge
from onhand.cli.verification.tables import check_tables
from onhand.common.messaging.streams import Streams

_PAUSE_SECONDS = 0.25
_MOST_SUSPECTS = 100_000
"""Orders that are looked at again. More than that do not look wrong because they are on their way."""

ShowProgress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and of how much; 0 if nobody knows."""


class Options(NamedTuple):
    """How to verify.

    Attributes:
        within_seconds: how long what is on its way may take to arrive.
        replay: how many orders to replay.
        allow_dead_letters: whether dead letters that have an explanation are only noted.
    """

    within_seconds: float = 10.0
    replay: int = 0
    allow_dead_letters: bool = False


async def verify(books: Books, streams: Streams, options: Options, progress: ShowProgress) -> Verdict:
    """Check every invariant on a system that may be in the midst of its work.

    The two databases and Redis are read at three moments, and orders are on their way between them. So what looks
    wrong is looked at again, until it is right or has been wrong for too long.

    Raises:
        Unavailable, NoReply: Redis is away.
        Exception: of the driver, if a database goes away.
    """
    begun = time.monotonic()
    findings = Findings()
    if options.replay:
        progress(f"replaying {options.replay} orders", 0, 0)
        findings.add(await replay_latest(books, streams, options.replay, options.within_seconds))
    marks = await set_marks(books, streams)
    deadline = time.monotonic() + options.within_seconds
    async with books.snapshot() as snapshot, books.snapshot() as other:
        # The servers add up while we put orders together: they have the longer work, and we have the other core.
        adding_up = asyncio.create_task(check_tables(other))
        try:
            products = await snapshot.count_products()
            orders, suspects = await _read_all(snapshot, findings, progress)
            progress("adding up", 0, 0)
            findings.merge(await adding_up)
        finally:
            adding_up.cancel()
            await asyncio.gather(adding_up, return_exceptions=True)
    findings.merge(await _look_again(books, streams, marks, suspects, deadline, progress))
    notes = await _judge_dead_letters(books, findings, options)
    checked = {"I1": orders, "I2": products, "I3": orders, "I4": orders, "I5": marks.places}
    return Verdict(
        holds=not findings,
        seconds=round(time.monotonic() - begun, 1),
        checks=[findings.check(invariant, checked[invariant]) for invariant in SAYS],
        notes=notes,
    )


async def _read_all(snapshot: Snapshot, findings: Findings, progress: ShowProgress) -> tuple[int, list[UUID]]:
    """Judge every order once; returns how many there are, and which look wrong."""
    total = await snapshot.count_orders()
    count = 0
    suspects: list[UUID] = []
    async for stories in snapshot.stories():
        count += len(stories)
        for story in stories:
            if wrong := list(judge(story)):
                if len(suspects) < _MOST_SUSPECTS:
                    suspects.append(story.order_id)
                else:
                    findings.add(wrong)
        progress("reading orders", count, total)
    return count, suspects


async def _look_again(
    books: Books, streams: Streams, marks: Marks, suspects: Sequence[UUID], deadline: float, progress: ShowProgress
) -> Findings:
    """Look at what looked wrong until nothing does or the time is over; returns what is wrong in the end."""
    first = len(suspects)
    while True:
        is_last = time.monotonic() >= deadline
        findings = Findings()
        suspects = await _judge_again(books, suspects, findings)
        findings.add(await find_leftovers(books, streams, marks))
        if is_last or not findings:
            return findings
        progress("waiting for orders" if suspects else "waiting for messages", first - len(suspects), first)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _judge_again(books: Books, suspects: Sequence[UUID], findings: Findings) -> list[UUID]:
    still: list[UUID] = []
    if suspects:
        async with books.snapshot() as snapshot:
            async for stories in snapshot.stories(suspects):
                for story in stories:
                    if wrong := list(judge(story)):
                        still.append(story.order_id)
                        findings.add(wrong)
    return still


async def _judge_dead_letters(books: Books, findings: Findings, options: Options) -> list[str]:
    """A dead letter is a violation, unless it is explained and that is enough; returns what is only to be noted."""
    notes: list[str] = []
    for explained in (False, True):
        letters, total = await read_dead_letters(books, explained=explained)
        if explained and options.allow_dead_letters:
            notes += [f"{it.service} {it}" for it in letters]
        else:
            findings.add(it.as_finding() for it in letters)
            findings.add_unread("I5", total - sum(it.letters for it in letters))
    return notes
