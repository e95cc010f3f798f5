"""Batches while something is down, hangs or has no room: what is said of an item is what became of it."""

from collections import Counter

from redis import Redis

from tests.e2e.bulk import batch_order, place_all
from tests.e2e.conftest import StartSystem
from tests.e2e.databases import read
from tests.e2e.shop import new_id, numbers
from tests.e2e.traffic import set_stock
from tests.e2e.waiting import eventually

MOST = 20


def test_a_batch_is_known_after_everything_was_killed_and_redis_is_empty(start_system: StartSystem) -> None:
    system, product, key = start_system(), new_id(), new_id("key")
    set_stock(system, product, 1000)
    orders = [batch_order(product) for _ in range(100)]
    first = place_all(system, orders, key)
    with Redis.from_url(system.redis_url) as redis:
        redis.flushall()
    system.kill_everything()
    system.start()
    again = place_all(system, orders, key)
    assert [it["body"]["orderId"] for it in again] == [it["body"]["orderId"] for it in first]
    assert all(it["replayed"] for it in again)
    eventually(lambda: numbers(system, product) == (1000, 100, 900))


def test_of_more_orders_than_fit_those_without_a_reply_are_told_504_and_the_rest_is_not_sent(
    start_system: StartSystem,
) -> None:
    system, product, key = start_system(REPLY_TIMEOUT_SECONDS="1", MAX_IN_FLIGHT=str(MOST)), new_id(), new_id("key")
    set_stock(system, product, 100)
    orders = [batch_order(product, 0), *(batch_order(product) for _ in range(MOST + 10))]
    with system.paused("orders"):
        lost = place_all(system, orders, key)
    assert [it["status"] for it in lost] == [422] + [504] * MOST + [503] * 10
    assert len({it["problem"]["orderId"] for it in lost[1 : MOST + 1]}) == MOST
    assert "got no reply in time. Nothing was done" in lost[-1]["problem"]["detail"]
    # The first are done by now or when they are sent again; what did not fit beside them is sent after them.
    eventually(lambda: [it["status"] for it in place_all(system, orders, key)] == [422] + [201] * (MOST + 10))
    assert len(read(system, "orders", "SELECT 1 FROM orders WHERE lines IS NOT NULL")) == MOST + 10
    eventually(lambda: numbers(system, product) == (100, MOST + 10, 70))


def test_a_batch_of_many_times_what_fits_is_done(start_system: StartSystem) -> None:
    system, product, key = start_system(MAX_IN_FLIGHT=str(MOST)), new_id(), new_id("key")
    set_stock(system, product, 1000)
    orders = [batch_order(product) for _ in range(1000)]
    assert Counter(it["status"] for it in place_all(system, orders, key)) == {201: 1000}
    assert all(it["replayed"] for it in place_all(system, orders, key))
    eventually(lambda: numbers(system, product) == (1000, 1000, 0))
