"""`python -m benchmarks.workloads`: what it prints, with what exit code it ends, and what it leaves behind."""

from pathlib import Path

import msgspec
import psutil
import pytest
from typer.testing import CliRunner

from benchmarks.workloads import __main__ as command
from benchmarks.workloads.kinds import KINDS, Kind
from benchmarks.workloads.results import Sample, conclude
from tests.benchmarks.interrupting import interrupt
from tests.benchmarks.tools import needs_wrk

ROOT = Path(__file__).parents[2]
LOAD_SECONDS = 60
"""Longer than any warm-up, and than any test waits: what is left running is seen."""


def kind(name: str, *, broken: list[str], problems: list[str]) -> Kind:
    sample = Sample(
        case="a case", connections=4, unit="orders", per_second=1234.0, cpu_us=99.0, elsewhere=0.0, problems=problems
    )
    return Kind(name, lambda *_: conclude(name, {}, [sample], broken, "everything"))


@pytest.mark.parametrize(
    ("broken", "problems", "told"),
    [
        (["1 unit was sold twice"], [], "NO FIGURE of bad: 1 unit was sold twice"),
        ([], ["1 order is lost"], "NO FIGURE of bad: a case: 1 order is lost"),
    ],
)
def test_what_broke_a_promise_has_no_figure_and_the_exit_code_says_so(
    broken: list[str], problems: list[str], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kinds = (kind("good", broken=[], problems=[]), kind("bad", broken=broken, problems=problems))
    monkeypatch.setattr(command, "KINDS", kinds)
    done = CliRunner().invoke(command.app, ["--json", str(tmp_path / "report.json")])
    assert done.exit_code == 1
    assert told in done.output
    assert done.output.count("1,234 orders") == 1, "of the good one"
    report = msgspec.json.decode((tmp_path / "report.json").read_bytes())
    assert not report["complete"]
    assert [len(it["lines"]) for it in report["results"]] == [1, 0]


def test_what_keeps_its_promises_has_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "KINDS", (kind("good", broken=[], problems=[]),))
    done = CliRunner().invoke(command.app, ["--workload", "good"])
    assert done.exit_code == 0
    assert "1,234 orders" in done.output
    assert "good: everything" in done.output


def test_a_workload_that_there_is_not_is_refused_with_those_there_are() -> None:
    done = CliRunner().invoke(command.app, ["--workload", "checkout"])
    assert done.exit_code == 2
    assert all(it.name in done.output for it in KINDS)


def test_help_shows_examples() -> None:
    done = CliRunner().invoke(command.app, ["--help"])
    assert done.exit_code == 0
    assert "python -m benchmarks.workloads --workload growth" in done.output


@needs_wrk
@pytest.mark.parametrize("workload", ["bulk", "floors"])
def test_ctrl_c_under_load_leaves_no_process(workload: str, short_path: Path) -> None:
    def is_loading(process: psutil.Process) -> bool:
        return process.name() == "wrk" and f"--duration={LOAD_SECONDS}s" in process.cmdline()

    words = ["benchmarks.workloads", "--workload", workload, "--seconds", str(LOAD_SECONDS)]
    assert interrupt(words, short_path, is_loading) != 0
