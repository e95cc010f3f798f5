"""Runs one scenario: load, fault, healing, check."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from tests.e2e.backlog import backlog
from tests.e2e.books import read_books
from tests.e2e.system import System
from tests.e2e.verification import verify
from tests.e2e.waiting import eventually
from tests.failures.checker import Findings, check
from tests.failures.history import History
from tests.failures.load import CLIENTS, load, seeded
from tests.failures.scenario import CannotRun, Run, Scenario, Tell

SETTINGS = {
    "REDIS_URL": "",  # its own server, whatever the environment says: it is going to be killed
    "REPLY_TIMEOUT_SECONDS": "2",
    "CLAIM_IDLE_SECONDS": "2",
    "RESTART_SECONDS": "0.5",  # what is killed every second needs to be back within one
    "LOG_LEVEL": "info",
}
HEALED_WITHIN_SECONDS = 60.0
EMPTY_WITHIN_SECONDS = 10.0
"""How long something may be under way after the last fault."""
WAIT_SECONDS = 60.0
"""How long it is waited beyond the limit until nothing is under way: to say how long it took, or what is left."""
REPLAYED_ORDERS = 200

Verdict = Literal["held", "broken", "skipped"]


class Result(Struct, frozen=True, rename="camel"):
    """What came of one run of a scenario.

    Attributes:
        figures: what was done to the system.
        empty_seconds: from the end of the last fault until nothing was under way any more; None if that never came.
        problems: everything that is wrong, or why it was skipped, in sentences.
    """

    number: int
    name: str
    sentence: str
    verdict: Verdict
    seed: int
    figures: dict[str, int] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    empty_seconds: float | None = None
    problems: list[str] = field(default_factory=list)


class Ground(NamedTuple):
    """What scenarios run on: a system, and all that its clients ever did."""

    system: System
    history: History


class Broken(NamedTuple):
    """A scenario that has done its work. `healed_at` is when, on the monotonic clock."""

    figures: dict[str, int]
    healed_at: float


def run(scenario: Scenario, *, seconds: float, seed: int, keep: Path, tell: Tell = lambda _: None) -> Result:
    """Run a scenario on a system of its own. Whatever goes wrong is in the result.

    Args:
        scenario: what to do.
        seconds: how long to break things.
        seed: repeats every choice of an earlier run.
        keep: a directory for the history, the log of the system, and what `onhand verify` says of it in the end.
        tell: hears the figures as they grow.
    """
    result = Result(scenario.number, scenario.name, scenario.sentence, "broken", seed)
    try:
        with new_ground(scenario, keep) as ground:
            broken = break_under_load(ground, scenario, seconds=seconds, seed=seed, tell=tell)
            findings, empty_seconds, problems = judge(
                ground, broken.healed_at, has_right_clocks=scenario.has_right_clocks
            )
            (keep / f"{scenario.name}.verify.txt").write_text(ground.system.run("onhand.cli", "verify").stdout)
    except CannotRun as why:
        return replace(result, verdict="skipped", problems=[str(why)])
    except Exception as error:  # noqa: BLE001  # a scenario that fails is a finding, and the others go on
        return replace(result, problems=[f"{type(error).__name__}: {error}"])
    return replace(
        result,
        verdict="broken" if problems else "held",
        figures=broken.figures,
        findings=findings,
        empty_seconds=empty_seconds,
        problems=problems,
    )


@contextmanager
def new_ground(scenario: Scenario, keep: Path) -> Iterator[Ground]:
    """A running system as the scenario needs it, and an empty history."""
    history = History(keep / f"{scenario.name}.history.jsonl")
    try:
        with scenario.make_system(**{**SETTINGS, **scenario.settings}) as system:
            try:
                system.start()
                yield Ground(system, history)
            finally:
                (keep / f"{scenario.name}.log").write_text(system.log())
    finally:
        history.close()


def break_under_load(
    ground: Ground,
    scenario: Scenario,
    *,
    seconds: float,
    seed: int,
    clients: int = CLIENTS,
    tell: Tell = lambda _: None,
) -> Broken:
    """Run a scenario on a running system, until everything runs again.

    Raises:
        CannotRun: this machine cannot.
        Exception: the scenario failed, or the system did not come back.
    """
    system, history = ground
    with load(system, history, scenario.name, seed, clients) as shoppers:
        shoppers.go_on()
        random = seeded(seed, scenario.name)
        task = Run(system=system, load=shoppers, history=history, random=random, seconds=seconds, tell=tell)
        scenario.break_things(task)
        healed_at = time.monotonic()
        eventually(system.is_ready, seconds=HEALED_WITHIN_SECONDS)
        shoppers.go_on()
    return Broken(dict(task.figures), healed_at)


def judge(
    ground: Ground, healed_at: float, *, has_right_clocks: bool, within_seconds: float = EMPTY_WITHIN_SECONDS
) -> tuple[Findings, float | None, list[str]]:
    """Wait until nothing is under way, and compare all that clients ever saw with what is on disk.

    Args:
        ground: where things were broken.
        healed_at: when nothing was broken any more, on the monotonic clock.
        has_right_clocks: whether nobody set the clock of the database.
        within_seconds: how long after that something may be under way.

    Returns:
        What was found, the seconds until nothing was under way any more, if that came, and all that is wrong in words.
    """
    system, history = ground
    empty_seconds, late = until_empty(partial(backlog, system), healed_at, within_seconds)
    findings = check(history.read(), read_books(system), has_right_clocks=has_right_clocks)
    return findings, empty_seconds, [*findings.sentences(), *late, *_verified(system)]


def until_empty(look: Callable[[], list[str]], since: float, within_seconds: float) -> tuple[float | None, list[str]]:
    """Wait until nothing is under way, beyond the limit too.

    Args:
        look: tells what is under way.
        since: when it began to count, on the monotonic clock.
        within_seconds: the limit.

    Returns:
        How long that took, None if it never came, and what is wrong if it was beyond the limit.
    """
    late: list[str] = []
    while left := look():
        passed = time.monotonic() - since
        if passed > within_seconds and (not late or passed > within_seconds + WAIT_SECONDS):
            late += [f"{passed:.0f} s after the last fault, {what}" for what in left]
        if passed > within_seconds + WAIT_SECONDS:
            return None, late
        time.sleep(0.05)
    seconds = time.monotonic() - since
    if seconds > within_seconds:
        late.append(f"nothing was under way after {seconds:.1f} s, and not within {within_seconds:.0f} s")
    return seconds, late


def _verified(system: System) -> list[str]:
    """What `onhand verify` finds wrong, when it also sends the messages of the latest orders again."""
    _, verdict = verify(system, "--replay", str(REPLAYED_ORDERS))
    return [
        f"{it['subject']} {it['problem']} ({it['invariant']}, says onhand verify)"
        for invariant in verdict["checks"]
        for it in invariant["findings"]
    ]
