"""Runs one scenario: load, fault, healing, check."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
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
EMPTY_WITHIN_SECONDS = 60.0
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


def judge(ground: Ground, healed_at: float, *, has_right_clocks: bool) -> tuple[Findings, float | None, list[str]]:
    """Wait until nothing is under way, and compare all that clients ever saw with what is on disk.

    Returns:
        What was found, the seconds until nothing was under way any more, if that came, and all that is wrong in words.
    """
    system, history = ground
    empty_seconds, left = _until_empty(system, healed_at)
    findings = check(history.read(), read_books(system), has_right_clocks=has_right_clocks)
    return findings, empty_seconds, [*findings.sentences(), *left, *_verified(system)]


def _until_empty(system: System, since: float) -> tuple[float | None, list[str]]:
    """Wait until nothing is under way; returns how long that took, and what is left if it takes too long."""
    deadline = time.monotonic() + EMPTY_WITHIN_SECONDS
    while left := backlog(system):
        if time.monotonic() > deadline:
            return None, [f"{EMPTY_WITHIN_SECONDS:.0f} s after the last fault, {what}" for what in left]
        time.sleep(0.05)
    return time.monotonic() - since, []


def _verified(system: System) -> list[str]:
    """What `onhand verify` finds wrong, when it also sends the messages of the latest orders again."""
    _, verdict = verify(system, "--replay", str(REPLAYED_ORDERS))
    return [
        f"{it['subject']} {it['problem']} ({it['invariant']}, says onhand verify)"
        for invariant in verdict["checks"]
        for it in invariant["findings"]
    ]
