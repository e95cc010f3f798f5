"""Pictures of reports with figures that nobody measured."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from benchmarks.measure import Round
from benchmarks.peers.table import Comparison, compare, write_comparison_json
from benchmarks.peers.turns import Turn
from benchmarks.plots.charts import TooMany
from benchmarks.plots.drawings import draw
from benchmarks.plots.reports import NotDrawn, read
from benchmarks.plots.scales import linear, logarithmic
from benchmarks.rates import Latency, make_rate_report
from benchmarks.report import make_report, write_json
from benchmarks.volume import Pair, sum_up
from benchmarks.volume_report import VolumeReport
from benchmarks.workloads.results import conclude, sample_of
from benchmarks.workloads.table import make_workload_report
from tests.benchmarks.test_measure import ROUND
from tests.benchmarks.test_rates import RATE_ROUND
from tests.benchmarks.test_volume import HELD

FACTS = {"command": "python -m benchmarks --rounds 5", "date": "2026-11-29", "machine": "2 cores, x86_64"}
SVG = "{http://www.w3.org/2000/svg}"


def a_round(connections: int, orders_per_second: float, p99_ms: float = 20.0) -> Round:
    return msgspec.structs.replace(
        ROUND, connections=connections, orders_per_second=orders_per_second, p50_ms=p99_ms / 2, p99_ms=p99_ms
    )


@pytest.fixture
def reports(tmp_path: Path) -> list[Path]:
    closed = make_report("wrk", FACTS, [a_round(1, 400, 7), a_round(64, 4_100, 50), a_round(256, 5_600, 120)])
    rates = [
        msgspec.structs.replace(
            RATE_ROUND,
            rate=rate,
            answered_per_second=rate - 10,
            accepted=Latency(*(rate / 400 * it for it in (1, 4, 6, 8))),
            settled=Latency(*(rate / 300 * it for it in (1, 4, 6, 8))),
        )
        for rate in (500.0, 2_000.0, 4_000.0)
    ]
    costs = {"onhand": 1.0, "nestjs-express": 1.5, "faststream-outbox": 40.0}
    turns = [
        Turn(name, 1, [msgspec.structs.replace(ROUND, cpu_us={of: us * by for of, us in ROUND.cpu_us.items()})], [], {})
        for name, by in costs.items()
    ]
    volume = sum_up(1_000_000, [Pair(a_round(256, 5_600), a_round(256, 5_300))], HELD)
    growth = [
        sample_of(case, "orders", a_round(connections, speed))
        for connections in (64, 256)
        for case, speed in (("empty", 4_000 + connections), ("100,000 stored", 3_900 + connections))
    ]
    files = [tmp_path / f"{name}.json" for name in ("closed", "rates", "peers", "volume", "growth")]
    write_json(closed, files[0])
    write_json(make_rate_report("orders", FACTS, 1_000, rates), files[1])
    write_comparison_json(Comparison("wrk", FACTS, {}, {}, turns, compare(turns)), files[2])
    write_json(VolumeReport("wrk", FACTS, volume), files[3])
    write_json(make_workload_report("wrk", [conclude("growth", FACTS, growth, [], "all")]), files[4])
    return files


def words_of(picture: bytes) -> list[str]:
    return [it.text or "" for it in ET.fromstring(picture).iter(f"{SVG}text")]  # noqa: S314  # we wrote it


def test_every_kind_of_report_is_drawn_with_its_title_units_legend_and_source(reports: list[Path]) -> None:
    pictures = draw([read(it) for it in reports])
    words = {name: words_of(picture) for name, picture in pictures.items()}
    assert words.keys() == {"latency", "cost-64", "growth"}
    for all_words in words.values():
        assert "$ python -m benchmarks --rounds 5 (2026-11-29; 2 cores, x86_64)" in all_words
    assert {"Throughput and latency", "ms, logarithmic", "orders/s, answered 201", "p99 until settled", "256"} <= {
        *words["latency"]
    }
    assert {"CPU microseconds per order", "gateway", "postgres", "10,400"} <= {*words["cost-64"]}
    assert words["cost-64"].count("nestjs-express") == 2, "it is short beside the longest, so it is there once more"
    assert words["cost-64"].count("faststream-outbox") == 1
    assert {"none", "1,000,000", "64 connections, up to 100,000"} <= {*words["growth"]}


def test_pictures_are_small_and_know_light_and_dark_pages(reports: list[Path]) -> None:
    for picture in draw([read(it) for it in reports]).values():
        assert len(picture) < 12_000
        assert b"prefers-color-scheme:dark" in picture


def test_the_same_reports_give_the_same_bytes(reports: list[Path], tmp_path: Path) -> None:
    written = []
    for place in (tmp_path / "once", tmp_path / "again"):
        place.mkdir()
        subprocess.run([sys.executable, "-m", "benchmarks.plots", *reports, "--to", place], check=True)
        written.append({it.name: it.read_bytes() for it in place.iterdir()})
    assert written[0].keys() == {"latency.svg", "cost-64.svg", "growth.svg"}
    assert written[0] == written[1]


def test_what_has_no_figure_is_not_drawn(tmp_path: Path) -> None:
    lost = msgspec.structs.replace(ROUND, problems=["1 order is lost"])
    with pytest.raises(NotDrawn, match="no figure"):
        draw([make_report("wrk", FACTS, [lost])])
    unknown = tmp_path / "unknown.json"
    unknown.write_text('{"load": "wrk"}')
    with pytest.raises(NotDrawn, match="reports of this kind"):
        read(unknown)


def test_more_lines_than_there_are_colours_are_not_drawn(reports: list[Path]) -> None:
    with pytest.raises(TooMany, match="8 lines, and 6"):
        draw([read(reports[4])] * 4)


@pytest.mark.parametrize(
    ("marks", "words"),
    [
        (linear("", 5_600).marks, ["0", "1,000", "2,000", "3,000", "4,000", "5,000", "6,000"]),
        (linear("", 0.4).marks, ["0", "0.1", "0.2", "0.3", "0.4"]),
        (logarithmic("", 1.8, 146).marks, ["1", "2", "5", "10", "20", "50", "100", "200"]),
        (logarithmic("", 0.3, 9_000).marks, ["0.1", "1", "10", "100", "1,000", "10,000"]),
        (logarithmic("", 3, 3).marks, ["2", "5"]),
    ],
)
def test_axes_have_few_and_round_marks(marks: list[tuple[float, str]], words: list[str]) -> None:
    assert [it for _, it in marks] == words
