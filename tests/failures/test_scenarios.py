"""The short form of every scenario: one round. `make torture` runs them for longer, each on a system of its own."""

import os
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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


class Grounds:
    """Systems to run scenarios on: those that need the same share one, as starting it takes longer than breaking it."""

    def __init__(self, keep: Path, stack: ExitStack) -> None:
        self._keep = keep
        self._stack = stack
        self.made: dict[object, Ground] = {}

    def ground_for(self, scenario: Scenario) -> Ground:
        needs = (scenario.make_system, tuple(scenario.settings.items()))
        if needs not in self.made:
            self.made[needs] = self._stack.enter_context(new_ground(scenario, self._keep))
            self._stack.callback(self.made[needs].system.kill_everything)  # quicker than to stop it
        return self.made[needs]


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    with ExitStack() as stack:
        yield Grounds(tmp_path_factory.mktemp("histories"), stack)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
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
    with ThreadPoolExecutor() as threads:
        now = time.monotonic()
        # No figure is taken here: all systems are judged at once, and other tests run beside them.
        judged = threads.map(
            lambda it: judge(it, now, has_right_clocks=False, within_seconds=60), grounds.made.values()
        )
        for _, _, problems in judged:
            assert problems == []


def test_every_scenario_has_a_name_and_a_sentence_of_its_own() -> None:
    for what in ("name", "sentence"):
        assert len({getattr(scenario, what) for scenario in SCENARIOS}) == len(SCENARIOS)
    for scenario in SCENARIOS:
        assert scenario.sentence.endswith(".")
