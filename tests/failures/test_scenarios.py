"""The short form of every scenario: one round. `make torture` runs them for longer, each on a system of its own."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.backlog import backlog
from tests.e2e.books import read_books
from tests.e2e.waiting import eventually
from tests.failures.checker import check
from tests.failures.runner import Ground, break_under_load, judge, new_ground
from tests.failures.scenario import CannotRun, Scenario
from tests.failures.scenarios import SCENARIOS

FEW_CLIENTS = 6
"""Half as many as in the long form: most of what a short round costs is what they do."""


def needs_of(scenario: Scenario) -> object:
    """What its system has to be like."""
    return scenario.make_system, tuple(scenario.settings.items())


ALL_NEEDS = [needs_of(scenario) for scenario in SCENARIOS]
BY_NEEDS = sorted(SCENARIOS, key=lambda scenario: ALL_NEEDS.index(needs_of(scenario)))


class Grounds:
    """Systems to run scenarios on, one after the other: starting one takes longer than breaking it.

    Attributes:
        problems: all that was wrong with a system when it was left.
    """

    def __init__(self, keep: Path) -> None:
        self.problems: list[str] = []
        self._keep = keep
        self._stack = ExitStack()
        self._needs: object = None
        self._ground: Ground | None = None

    def ground_for(self, scenario: Scenario) -> Ground:
        """A system as a scenario needs it; the last one, if that is such a system."""
        if self._ground is None or self._needs != needs_of(scenario):
            self.leave()
            self._ground = self._stack.enter_context(new_ground(scenario, self._keep))
            self._stack.callback(self._ground.system.kill_everything)  # quicker than to stop it
            self._needs = needs_of(scenario)
        return self._ground

    def leave(self) -> None:
        """Judge the system that was used last, and end it."""
        with self._stack.pop_all():
            ground, self._ground = self._ground, None
            if ground is not None:
                _, _, problems = judge(ground, time.monotonic(), has_right_clocks=False)
                self.problems += problems


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    grounds = Grounds(tmp_path_factory.mktemp("histories"))
    yield grounds
    grounds.leave()


@pytest.mark.parametrize("scenario", BY_NEEDS, ids=lambda scenario: scenario.name)
def test_nothing_is_lost_whatever_is_broken(scenario: Scenario, grounds: Grounds) -> None:
    seed = secrets.randbits(32)
    try:
        ground = grounds.ground_for(scenario)
        figures = break_under_load(ground, scenario, seconds=0, seed=seed, clients=FEW_CLIENTS).figures
    except CannotRun as why:
        if "CI" in os.environ:  # there everything has to run
            raise
        pytest.skip(str(why))
    eventually(lambda: not backlog(ground.system), seconds=60)
    books = read_books(ground.system)
    findings = check(ground.history.read(), books, has_right_clocks=scenario.has_right_clocks)
    assert findings.sentences() == [], f"make torture SCENARIO={scenario.name} SEED={seed}"
    assert figures, "it did something"


def test_in_the_end_nothing_is_left_and_onhand_verify_agrees(grounds: Grounds) -> None:
    grounds.leave()
    assert grounds.problems == []


def test_every_scenario_has_a_name_and_a_sentence_of_its_own() -> None:
    for what in ("name", "sentence"):
        assert len({getattr(scenario, what) for scenario in SCENARIOS}) == len(SCENARIOS)
    for scenario in SCENARIOS:
        assert scenario.sentence.endswith(".")
