"""Everything that runs may be stopped or killed at any moment: no order is lost, and none has its effect twice."""

import os
import time
from contextlib import ExitStack

from redis import Redis

from tests.e2e.books import check_books, check_streams
from tests.e2e.conftest import StartSystem
from tests.e2e.messages import payloads
from tests.e2e.shop import becomes, done, lines, new_id, numbers, post
from tests.e2e.system import SERVICES
from tests.e2e.traffic import place_order, set_stock, settled, traffic
from tests.e2e.waiting import eventually

COMPONENTS = [*SERVICES, "postgres"] + ([] if os.environ.get("REDIS_URL") else ["redis"])
"""What `onhand start` runs, and so starts again."""
ANSWERS = "inventory.events.{0}"


def test_after_ctrl_c_nothing_runs_and_the_next_start_finds_every_order_within_seconds(
    start_system: StartSystem,
) -> None:
    system = start_system()
    with traffic(system) as orders:
        orders.go_on()
        assert system.stop() == 0
    assert not system.left_running()

    began = time.monotonic()
    system.start()

    assert time.monotonic() - began < 10
    check_books(system, orders.accepted)
    check_streams(system)


def test_each_component_that_is_killed_comes_back_and_no_order_is_lost(start_system: StartSystem) -> None:
    system = start_system()
    with traffic(system) as orders:
        for component in COMPONENTS:
            orders.go_on()
            system.kill(component)
            eventually(lambda component=component: system.process(component) and system.is_ready())  # type: ignore[misc]
        orders.go_on()
    check_books(system, orders.accepted)
    check_streams(system)


def test_after_everything_was_killed_at_once_the_next_start_finds_every_order(start_system: StartSystem) -> None:
    system = start_system()
    with traffic(system) as orders:
        orders.go_on()
        system.kill_everything()
        system.start()
        orders.go_on()
    check_books(system, orders.accepted)
    check_streams(system)


def test_orders_settle_even_if_redis_loses_every_byte(start_system: StartSystem) -> None:
    system = start_system()
    with traffic(system) as orders, Redis.from_url(system.redis_url) as redis:
        for _ in range(3):
            orders.go_on()
            redis.flushall()
        orders.go_on()
    check_books(system, orders.accepted)
    check_streams(system)


def test_orders_settle_if_inventory_never_hears_of_them_or_is_never_heard(start_system: StartSystem) -> None:
    system = start_system()
    set_stock(system, "tea", 15)
    with Redis.from_url(system.redis_url) as redis, ExitStack() as orders_hangs:
        with system.paused("inventory"):
            accepted = [place_order(system, "tea") for _ in range(10)]
            redis.flushall()
        for order_id in accepted:
            assert settled(system, order_id)["status"] == "confirmed"

        with system.paused("inventory"):
            accepted += [place_order(system, "tea") for _ in range(10)]
            newest = redis.xinfo_stream(ANSWERS)["last-generated-id"]
            orders_hangs.enter_context(system.paused("orders"))
        eventually(lambda: len(payloads(redis, ANSWERS, newest)) == 10)
        redis.flushall()
    check_books(system, accepted)
    assert numbers(system, "tea") == (15, 15, 0)


def test_a_key_is_known_after_everything_was_killed_and_redis_is_empty(start_system: StartSystem) -> None:
    system, product, key = start_system(), new_id(), new_id("key")
    set_stock(system, product, 10)
    order = {"customerId": "cust-456", "lines": lines(**{product: 2})}
    movement = {"type": "receive", "quantity": 5}
    order_id = done(post(system, "orders", order, key=key))["orderId"]
    moved = done(post(system, f"stock/{product}/movements", movement, key=key))
    becomes(system, order_id, "confirmed")

    with Redis.from_url(system.redis_url) as redis:
        redis.flushall()
    system.kill_everything()
    system.start()

    again = post(system, "orders", order, key=key)
    assert (done(again)["orderId"], again.headers["idempotent-replayed"]) == (order_id, "true")
    assert done(post(system, f"stock/{product}/movements", movement, key=key)) == moved
    assert numbers(system, product) == (15, 2, 13)
