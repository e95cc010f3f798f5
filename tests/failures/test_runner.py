"""The runner and its command: what is broken or skipped cannot be overlooked."""

import time
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.e2e.system import System
from tests.failures import __main__ as command
from tests.failures.checker import Findings
from tests.failures.report import print_report
from tests.failures.runner import WAIT_SECONDS, Result, run, until_empty
from tests.failures.scenario import CannotRun, Run, Scenario


def nothing(_: Run) -> None:
    """Break nothing."""


def no_cluster(**_: str) -> AbstractContextManager[System]:
    raise CannotRun("there is no valkey-cli")


def no_system(**_: str) -> AbstractContextManager[System]:
    raise AssertionError("it did not start")


SKIPPED = Scenario(number=5, name="cluster", break_things=nothing, make_system=no_cluster)
BROKEN = Scenario(number=7, name="proxy", break_things=nothing, make_system=no_system)


def test_a_scenario_that_this_machine_cannot_run_is_skipped_with_the_reason(tmp_path: Path) -> None:
    result = run(SKIPPED, seconds=0, seed=1, keep=tmp_path)
    assert (result.verdict, result.problems) == ("skipped", ["there is no valkey-cli"])


def test_a_scenario_that_fails_is_broken_with_the_reason(tmp_path: Path) -> None:
    result = run(BROKEN, seconds=0, seed=1, keep=tmp_path)
    assert (result.verdict, result.problems) == ("broken", ["AssertionError: it did not start"])


def test_what_is_under_way_for_too_long_is_told_also_if_it_comes_to_an_end() -> None:
    looks = iter([["an outbox has 2 rows"], ["an outbox has a row"], []])
    seconds, problems = until_empty(lambda: next(looks), time.monotonic() - 12, within_seconds=10)
    assert 12 <= (seconds or 0) < 20
    assert problems == [
        "12 s after the last fault, an outbox has 2 rows",
        f"nothing was under way after {seconds:.1f} s, and not within 10 s",
    ]


def test_what_does_not_come_to_an_end_is_told_as_it_is_in_the_end() -> None:
    looks = iter([["an order is pending"]] * 2)
    since = time.monotonic() - 10 - WAIT_SECONDS + 0.02
    assert until_empty(lambda: next(looks), since, within_seconds=10) == (
        None,
        ["70 s after the last fault, an order is pending"] * 2,
    )


def test_what_comes_to_an_end_in_time_is_no_problem() -> None:
    looks = iter([["an order is pending"], []])
    seconds, problems = until_empty(lambda: next(looks), time.monotonic() - 1, within_seconds=10)
    assert (problems, 1 <= (seconds or 0) < 10) == ([], True)


@pytest.mark.parametrize(
    ("scenarios", "in_ci", "code"), [((SKIPPED,), False, 0), ((SKIPPED,), True, 1), ((SKIPPED, BROKEN), False, 1)]
)
def test_the_exit_code_tells_whether_anything_broke_or_was_skipped_where_nothing_may_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scenarios: tuple[Scenario, ...], in_ci: bool, code: int
) -> None:
    monkeypatch.setattr(command, "SCENARIOS", scenarios)
    monkeypatch.setenv("CI", "true") if in_ci else monkeypatch.delenv("CI", raising=False)
    ended = CliRunner().invoke(command.app, ["--json", "--seed", "42", "--keep", str(tmp_path)])
    assert ended.exit_code == code
    told = msgspec.json.decode(ended.stdout, type=list[Result])
    assert [it.name for it in told] == [it.name for it in scenarios]
    assert {it.seed for it in told} == {42}
    assert "seed 42" in ended.stderr


@pytest.mark.parametrize(("name", "runs"), [("proxy", ["proxy"]), ("7", ["proxy"]), ("5", ["cluster"])])
def test_a_scenario_is_chosen_by_name_or_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, runs: list[str]
) -> None:
    monkeypatch.setattr(command, "SCENARIOS", (SKIPPED, BROKEN))
    ended = CliRunner().invoke(command.app, ["--json", "--scenario", name, "--keep", str(tmp_path)])
    assert [it["name"] for it in msgspec.json.decode(ended.stdout)] == runs


def test_a_scenario_that_is_not_known_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SCENARIOS", (SKIPPED, BROKEN))
    ended = CliRunner().invoke(command.app, ["--scenario", "no-such"])
    assert ended.exit_code == 2
    assert "cluster, proxy" in ended.stderr


def test_the_report_shows_every_loss_and_why_something_was_skipped() -> None:
    lost = Result(
        1,
        "kills",
        "",
        "broken",
        42,
        {"kills": 1_200},
        Findings(accepted=9, done=7, lost=["a", "b"]),
        1.25,
        ["a is lost"],
    )
    skipped = Result(5, "cluster", "", "skipped", 42, problems=["there is no valkey-cli"])
    console = Console(width=200)
    with console.capture() as shown:
        print_report([lost, skipped], console)
    header, kills, cluster, *below = [line.split() for line in shown.get().splitlines()]
    assert header[:2] == ["scenario", "done"]
    assert kills == ["1", "kills", "1,200", "kills", "9", "7", "2", "0", "0", "0", "0", "0", "1.2", "broken"]
    assert cluster == ["5", "cluster", "skipped"]
    assert [" ".join(line) for line in below] == [
        "kills (seed 42): a is lost",
        "cluster (seed 42): there is no valkey-cli",
    ]
