import msgspec

from benchmarks.basket import fill_basket, in_batches
from benchmarks.batches import Pair, connections_for, make_batch_report, verdict
from tests.benchmarks.test_measure import ROUND


def pair(connections: int, single: float, batches: float, problems: tuple[str, ...] = ()) -> Pair:
    one = msgspec.structs.replace(ROUND, connections=connections, orders_per_second=single)
    return Pair(one, msgspec.structs.replace(ROUND, orders_per_second=batches, problems=list(problems)))


def test_a_batch_has_the_orders_that_would_be_sent_one_by_one() -> None:
    for lines in (1, 10):
        basket = fill_basket(lines)
        bodies = [msgspec.json.decode(body) for body in in_batches(basket, 30).bodies]
        single = [msgspec.json.decode(body) for body in basket.bodies]
        assert {len(body["orders"]) for body in bodies} == {30}
        assert [order for body in bodies for order in body["orders"]] == (single * 30)[: 30 * len(bodies)]


def test_there_are_as_many_orders_under_way_whatever_the_size_of_a_batch() -> None:
    assert [connections_for(size) for size in (10, 100, 500, 1000)] == [100, 10, 2, 2]


def test_what_is_gained_is_told_for_each_number_of_connections() -> None:
    pairs = [pair(64, 1000, 2000), pair(256, 1000, 2500), pair(64, 1000, 4000), pair(64, 500, 1750)]
    report = make_batch_report("wrk", {}, 100, pairs)
    few, many = report.gains
    assert (few.gain.median, few.gain.least, few.gain.most) == (3.5, 2.0, 4.0)
    assert "3.5 (2.0-4.0) times the orders/s of single requests over 64 connections" in verdict(few)
    assert "not met" not in verdict(few)
    assert "not met" in verdict(many)
    assert report.complete


def test_an_order_that_is_lost_in_a_batch_makes_the_report_incomplete() -> None:
    assert not make_batch_report("wrk", {}, 100, [pair(64, 1000, 2000, ("1 order is lost",))]).complete
