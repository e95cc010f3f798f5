"""What is drawn of which reports: by the name of the file, without its ending."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from benchmarks.measure import spread
from benchmarks.peers.table import Comparison
from benchmarks.plots.charts import Bar, Line, Point, draw_bars, draw_lines
from benchmarks.plots.reports import AnyReport, NotDrawn, source_of
from benchmarks.plots.scales import linear, logarithmic, slots
from benchmarks.rates import RateReport
from benchmarks.report import Report
from benchmarks.volume_report import VolumeReport
from benchmarks.workloads.table import WorkloadReport


def draw(reports: Sequence[AnyReport]) -> Mapping[str, bytes]:
    """Draw whatever these reports tell.

    Raises:
        NotDrawn: in one of them something was wrong with the orders, so it has no figure.
    """
    closed = [it for it in reports if isinstance(it, Report)]
    rates = [it for it in reports if isinstance(it, RateReport)]
    grown = [it for it in reports if isinstance(it, VolumeReport | WorkloadReport)]
    drawn = {}
    if lines := [*_closed_loop(closed), *_fixed_rates(rates)]:
        drawn["latency"] = _latency(lines, [*closed, *rates])
    for comparison in (it for it in reports if isinstance(it, Comparison)):
        drawn |= _cost(comparison)
    if grown:
        drawn["growth"] = _growth(grown)
    return drawn


def _latency(lines: Sequence[Line], reports: Iterable[AnyReport]) -> bytes:
    points = [point for line in lines for point in line.points]
    return draw_lines(
        "Throughput and latency",
        linear("orders/s, answered 201", max(it.x for it in points)),
        logarithmic("ms, logarithmic", min(it.y for it in points), max(it.y for it in points)),
        lines,
        [source_of(it) for it in reports],
    )


def _closed_loop(reports: Sequence[Report]) -> Iterator[Line]:
    """A line for each percentile over all numbers of connections, which are written beside one of them."""
    if not all(it.complete for it in reports):
        raise NotDrawn("not every order of `make bench` reached its end, so it has no figure")
    summaries = sorted((it for report in reports for it in report.summaries), key=lambda it: it.connections)
    if summaries:
        speeds = [it.orders_per_second.median for it in summaries]
        p50, p99 = (
            [it.median for it in each] for each in zip(*((it.p50_ms, it.p99_ms) for it in summaries), strict=True)
        )
        yield Line("p50, closed loop", list(map(Point, speeds, p50)))
        notes = [f"{it.connections:,}" for it in summaries]
        yield Line("p99, closed loop (beside it: connections)", list(map(Point, speeds, p99, notes)))


def _fixed_rates(reports: Iterable[RateReport]) -> Iterator[Line]:
    rates = sorted(chain.from_iterable(it.rates for it in reports), key=lambda it: it.rate)
    if rates:
        speeds = [it.answered_per_second.median for it in rates]
        yield Line("p50, fixed rate", [Point(x, it.accepted.p50_ms) for x, it in zip(speeds, rates, strict=True)])
        yield Line("p99, fixed rate", [Point(x, it.accepted.p99_ms) for x, it in zip(speeds, rates, strict=True)])
        yield Line("p99.9, fixed rate", [Point(x, it.accepted.p999_ms) for x, it in zip(speeds, rates, strict=True)])
        settled = [Point(it.answered_per_second.median, it.settled.p99_ms) for it in rates if it.settled]
        yield Line("p99 until settled", settled)


def _cost(comparison: Comparison) -> Iterator[tuple[str, bytes]]:
    """One picture for each number of connections, so that nobody compares across them."""
    for connections in dict.fromkeys(it.connections for it in comparison.standings):
        same = [it for it in comparison.standings if it.connections == connections]
        yield (
            f"cost-{connections}",
            draw_bars(
                f"What an order costs, {connections:,} connections",
                "CPU microseconds per order",
                [Bar(it.system, {name: value.median for name, value in it.cpu_us.items()}) for it in same],
                [source_of(comparison)],
            ),
        )


def _growth(reports: Sequence[VolumeReport | WorkloadReport]) -> bytes:
    """A line for each number of connections in each report; by their largest system reports are told apart."""
    measured = [
        (f"{connections:,} connections" + (f", up to {max(points):,}" if len(reports) > 1 else ""), points)
        for report in reports
        for connections, points in (_volume(report) if isinstance(report, VolumeReport) else _workload(report)).items()
    ]
    sizes = sorted({size for _, points in measured for size in points})
    lines = [
        Line(name, [Point(sizes.index(size), speed) for size, speed in sorted(points.items())])
        for name, points in measured
    ]
    return draw_lines(
        "Orders per second beside what is stored",
        slots("orders and products stored before", [f"{size:,}" if size else "none" for size in sizes]),
        linear("orders/s, answered 201", max(point.y for line in lines for point in line.points)),
        lines,
        [source_of(it) for it in reports],
    )


def _volume(report: VolumeReport) -> dict[int, dict[int, float]]:
    volume = report.volume
    if not volume.is_complete:
        raise NotDrawn("not every order of `--preload` reached its end, so it has no figure")
    found = {}
    for connections in dict.fromkeys(pair.empty.connections for pair in volume.pairs):
        same = [pair for pair in volume.pairs if pair.empty.connections == connections]
        empty = spread(pair.empty.orders_per_second for pair in same)
        full = spread(pair.full.orders_per_second for pair in same)
        found[connections] = {0: empty.median, volume.stored: full.median}
    return found


def _workload(report: WorkloadReport) -> dict[int, dict[int, float]]:
    """Orders per second by how many are stored, by connections."""
    lines = [line for result in report.results if result.workload == "growth" for line in result.lines]
    if not lines:
        raise NotDrawn("there is no figure of the workload `growth`, and nothing is drawn of the others")
    found: dict[int, dict[int, float]] = {}
    for line in lines:
        stored = int(re.sub(r"\D", "", line.case) or 0)
        found.setdefault(line.connections, {})[stored] = line.per_second.median
    return found
