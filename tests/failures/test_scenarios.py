"""The short form of every scenario. `make torture` runs them for longer, each on a system of its own."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.system import System
from tests.failures.history import History
from tests.failures.runner import new_ground, run_on
from tests.failures.scenario import CannotRun, Scenario
from tests.failures.scenarios import SCENARIOS

SECONDS = 2.0


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Grounds"]:
    with ExitStack() as stack:
        yield Grounds(tmp_path_factory.mktemp("histories"), stack)


class Grounds:
    """Systems to run scenarios on: those that need the same share one, as starting it takes longer than breaking it."""

    def __init__(self, keep: Path, stack: ExitStack) -> None:
        self._keep = keep
        self._stack = stack
        self._shared: dict[object, tuple[System, History]] = {}

    def ground_for(self, scenario: Scenario) -> tuple[System, History]:
        needs = (scenario.make_system, tuple(scenario.settings.items()))
        if needs not in self._shared:
            self._shared[needs] = self._stack.enter_context(new_ground(scenario, self._keep))
        return self._shared[needs]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_is_lost_whatever_is_broken(scenario: Scenario, grounds: Grounds) -> None:
    seed = secrets.randbits(32)
    try:
        result = run_on(*grounds.ground_for(scenario), scenario, seconds=SECONDS, seed=seed)
    except CannotRun as why:
        pytest.skip(str(why))
    assert result.problems == [], f"make torture SCENARIO={scenario.name} SEED={seed}"
    assert result.figures, "it did something"


def test_every_scenario_has_a_name_and_a_sentence_of_its_own() -> None:
    for what in ("name", "sentence"):
        assert len({getattr(scenario, what) for scenario in SCENARIOS}) == len(SCENARIOS)
    for scenario in SCENARIOS:
        assert scenario.sentence.endswith(".")
