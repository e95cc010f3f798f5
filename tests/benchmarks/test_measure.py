import msgspec
import pytest

from benchmarks.ledger import Books
from benchmarks.load import Load
from benchmarks.measure import Round, Spread, difference, find_problems, spread
from benchmarks.report import completeness, summarize, targets

SEEN = Load(created=100, refused=0, unanswered=0, seconds=1.0, p50_ms=1.0, p99_ms=2.0)
ROUND = Round(
    connections=64,
    created=100,
    refused=0,
    unanswered=0,
    seconds=1.0,
    asked_per_second=None,
    offered_per_second=4_100.0,
    orders_per_second=4_100.0,
    p50_ms=1.0,
    p99_ms=2.0,
    cpu_us={"gateway": 80.0, "orders": 50.0, "inventory": 30.0, "redis": 40.0, "postgres": 60.0},
    load=0.1,
    elsewhere=0.0,
    gateway_mb=70.0,
    settled_seconds=0.1,
    stored={"confirmed": 101},
    confirmed_units=505,
    reserved_units=505,
    problems=[],
)


def books(statuses: dict[str, int], confirmed: int = 0, reserved: int | None = None) -> Books:
    return Books(statuses, confirmed, confirmed if reserved is None else reserved)


def test_orders_under_way_when_the_load_stopped_may_be_stored() -> None:
    assert find_problems(SEEN, books({"confirmed": 164}, 820), under_way=64, settled=0.1) == []


@pytest.mark.parametrize(
    ("new", "settled", "problem"),
    [
        (books({"confirmed": 99}, 495), 0.1, "1 orders were answered 201 and are not stored"),
        (books({"confirmed": 165}, 825), 0.1, "1 orders are stored that nobody can have sent"),
        (books({"confirmed": 99, "pending": 1}, 495), None, "1 orders were pending"),
        (books({"confirmed": 100}, 500, 495), 0.1, "500 units are in confirmed orders, but 495 are reserved"),
    ],
)
def test_what_is_wrong_is_told(new: Books, settled: float | None, problem: str) -> None:
    (found,) = find_problems(SEEN, new, under_way=64, settled=settled)
    assert found.startswith(problem)


def test_requests_not_answered_201_are_told() -> None:
    (found,) = find_problems(SEEN._replace(refused=3), books({"confirmed": 100}, 500), under_way=64, settled=0.1)
    assert found == "3 requests were not answered 201 and 0 not at all"


def test_requests_that_were_refused_are_no_fault_where_too_much_was_offered() -> None:
    new = books({"confirmed": 100}, 500)
    assert find_problems(SEEN._replace(refused=3), new, under_way=64, settled=0.1, may_refuse=True) == []
    (found,) = find_problems(SEEN._replace(unanswered=3), new, under_way=64, settled=0.1, may_refuse=True)
    assert found == "0 requests were not answered 201 and 3 not at all"


def test_only_what_is_new_is_counted() -> None:
    before = Books({"confirmed": 10, "rejected": 4}, 50, 45)
    after = Books({"confirmed": 15, "rejected": 4}, 75, 70)
    assert difference(before, after) == Books({"confirmed": 5}, 25, 25)


def test_a_spread_is_the_middle_and_the_ends() -> None:
    assert spread([3.0, 1.0, 9.0]) == Spread(median=3.0, least=1.0, most=9.0)


def test_targets_are_told_met_or_not() -> None:
    (summary,) = summarize([ROUND, msgspec.structs.replace(ROUND, orders_per_second=4_300.0)])
    speed, cost = targets(summary)
    assert "4,200 orders/s" in speed
    assert "not met" not in speed
    assert "260 CPU us per order" in cost
    assert "not met" in cost


def test_orders_of_ten_lines_have_a_target_of_their_own_and_their_lines_are_told() -> None:
    (summary,) = summarize([msgspec.structs.replace(ROUND, connections=256, orders_per_second=2_100.0)], lines=10)
    speed, per_line = targets(summary)
    assert "2,100 orders/s, asked at least 2,000" in speed
    assert "21,000 lines/s" in per_line


def test_no_sum_is_told_of_components_that_were_not_all_seen() -> None:
    (summary,) = summarize([msgspec.structs.replace(ROUND, cpu_us={"gateway": 80.0})])
    assert summary.cpu_us_total is None


def test_an_incomplete_round_cannot_be_overlooked() -> None:
    assert "NOT COMPLETE" in completeness(msgspec.structs.replace(ROUND, problems=["1 order is lost"]))
