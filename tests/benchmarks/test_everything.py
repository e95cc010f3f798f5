"""`make bench-all`: its parts run one after the other, and what they tell is in one report."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from benchmarks import __main__ as bench
from benchmarks import everything
from benchmarks.everything import PARTS, Done, Part, as_json, as_text, draw_parts
from benchmarks.peers import __main__ as peers
from benchmarks.peers.systems import SYSTEMS
from benchmarks.report import make_report
from benchmarks.workloads import __main__ as workloads
from benchmarks.workloads.kinds import KINDS
from tests.benchmarks.interrupting import interrupt
from tests.benchmarks.test_measure import ROUND

ROOT = Path(__file__).parents[2]
APPS = {"benchmarks": bench.app, "benchmarks.peers": peers.app, "benchmarks.workloads": workloads.app}


def done(name: str, exit_code: int | None = 0, report: bytes | None = b'{"load":"wrk"}') -> Done:
    return Done(name, f"python -m {name}", 75.0, exit_code, f"the table of {name}\n", report)


def options(part: Part, *, is_quick: bool) -> dict[str, Any]:
    """What its command understands."""
    _, module, *arguments = part.words(is_quick=is_quick)
    return typer.main.get_command(APPS[module]).make_context(module, [*arguments, "--json", "report.json"]).params


def test_the_report_has_that_of_each_part_as_it_was_written_and_what_each_part_printed() -> None:
    parts = [done("one"), done("two", exit_code=1), done("three", exit_code=None, report=None)]
    assert msgspec.json.decode(as_json(parts)) == {"one": {"load": "wrk"}, "two": {"load": "wrk"}, "three": None}
    short, *whole = as_text(parts).split("\n\n\n")
    assert short.splitlines() == [
        "one: complete, after 1:15 min",
        "two: NO FIGURE, or not all: see below, after 1:15 min",
        "three: was stopped, after 1:15 min",
    ]
    assert [f"the table of {it.name}" in told for it, told in zip(parts, whole, strict=True)] == [True] * 3


@pytest.mark.parametrize("is_quick", [True, False])
def test_every_part_is_understood_by_its_command_and_forgets_no_system_and_no_workload(is_quick: bool) -> None:
    asked = [options(it, is_quick=is_quick) for it in PARTS]
    assert {it["rounds"] for it in asked} == {1 if is_quick else 5}
    named = {"workload": set[str](), "system": set[str]()}
    for it in asked:
        for option, names in named.items():
            names.update(it.get(option) or ())
    assert named["workload"] == {it.name for it in KINDS}
    assert named["system"] < {it.name for it in SYSTEMS}


def test_a_quick_run_stores_no_millions() -> None:
    (growth,) = (it for it in PARTS if it.name == "growth")
    assert options(growth, is_quick=True)["orders"] == [100_000]
    assert options(growth, is_quick=False)["orders"] == [100_000, 1_000_000, 5_000_000]


def test_what_has_a_figure_is_drawn_and_of_the_rest_it_is_told_why_not(tmp_path: Path) -> None:
    lost = msgspec.structs.replace(ROUND, problems=["1 order is lost"])
    (tmp_path / "parts").mkdir()
    told: list[str] = []
    for a_round in (ROUND, lost):
        report = msgspec.json.encode(make_report("wrk", {}, [a_round]))
        (tmp_path / "parts" / "closed-loop.json").write_bytes(report)
        told += draw_parts(tmp_path, [done("closed-loop", report=report), done("batches")])
    drawn, why_not = told
    assert drawn == f"{tmp_path / 'latency.svg'}"
    assert (tmp_path / "latency.svg").read_bytes().startswith(b"<svg")
    assert "has no figure" in why_not


def test_parts_run_one_after_the_other_and_the_exit_code_says_if_one_has_no_figure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parts = (
        Part("buyers", "benchmarks.workloads --workload one-product --buyers 9", 1),
        Part("broken", "benchmarks.workloads --workload no-such-thing", 1),
    )
    monkeypatch.setattr(everything, "PARTS", parts)
    monkeypatch.setattr(everything, "_QUICK_SECONDS", 1)
    ran = CliRunner().invoke(everything.app, ["--quick", "--to", str(tmp_path)])
    assert ran.exit_code == 1, ran.output
    assert "buyers: python -m benchmarks.workloads --workload one-product" in ran.output
    report = msgspec.json.decode((tmp_path / "report.json").read_bytes())
    assert report["buyers"]["complete"]
    assert report["broken"] is None
    text = (tmp_path / "report.txt").read_text()
    assert text.startswith("buyers: complete, after ")
    assert "broken: NO FIGURE" in text
    assert "9 buyers for 9 units" in text
    assert "there are checkouts, " in text, "what the other said is there, too"


def test_a_part_that_there_is_not_is_refused_with_those_there_are() -> None:
    refused = CliRunner().invoke(everything.app, ["--part", "peer"])
    assert refused.exit_code == 2
    assert all(it.name in refused.output for it in PARTS)


def test_ctrl_c_stops_the_part_under_way_and_keeps_the_report(short_path: Path) -> None:
    to = short_path / "report"
    words = ["benchmarks.everything", "--part", "growth", "--part", "peers", "--to", str(to)]
    assert interrupt(words, short_path, lambda it: it.name() == "valkey-server") == 1
    assert msgspec.json.decode((to / "report.json").read_bytes()) == {"growth": None}, "peers did not begin"
    assert (to / "report.txt").read_text().startswith("growth: was stopped")
