"""What the services do without being asked: it is not enough that it can be done, somebody has to do it."""

import json
from uuid import UUID

from redis import Redis

from onhand.common.contracts import GetOrder, OrderConfirmed, OrderCreated
from onhand.common.messaging.envelope import encode, wrap
from tests.e2e.backlog import unread
from tests.e2e.databases import read
from tests.e2e.messages import payloads
from tests.e2e.shop import becomes, new_id, place
from tests.e2e.system import System
from tests.e2e.traffic import look_up, set_stock
from tests.e2e.waiting import eventually

SOON = 10.0
EVENTS, OUTCOMES, QUERIES = (f"{it.TOPIC}.{{0}}" for it in (OrderCreated, OrderConfirmed, GetOrder))
NODE = 100
"""Entries that Redis keeps together; streams are trimmed by whole nodes."""
LEAVE_BEHIND = """
    INSERT INTO outbox (events, messages, written_at)
    VALUES (1, $1::text::bytea, statement_timestamp() - interval '1 minute') RETURNING id
"""


def confirmed(system: System) -> str:
    product = new_id()
    set_stock(system, product, 1)
    order_id = place(system, {product: 1})
    becomes(system, order_id, "confirmed")
    return order_id


def test_an_order_that_inventory_never_heard_of_is_asked_for_again(system: System) -> None:
    product = new_id()
    set_stock(system, product, 3)
    with system.paused("inventory"):
        orders = [place(system, {product: 1}) for _ in range(3)]  # the first may be on its way to Inventory already
        with Redis.from_url(system.redis_url) as redis:
            redis.delete(EVENTS)
    for order_id in orders:
        eventually(lambda order_id=order_id: look_up(system, order_id)["status"] == "confirmed", seconds=SOON)  # type: ignore[misc]


def test_an_event_that_its_group_does_not_read_counts_as_under_way_until_a_group_has_read_it(system: System) -> None:
    eventually(lambda: not unread(system))
    with system.paused("inventory"), Redis.from_url(system.redis_url) as redis:
        redis.xgroup_destroy(EVENTS, "inventory")
        place(system, {new_id(): 1})
        eventually(lambda: unread(system) == [f"no group inventory reads {EVENTS}"])
    eventually(lambda: not unread(system))


def test_what_was_left_in_an_outbox_is_told(system: System) -> None:
    event = wrap(OrderConfirmed(order_id=UUID(confirmed(system))), source="/orders")
    message = [OrderConfirmed.TOPIC, event.subject, json.loads(encode(event))]
    ((row,),) = read(system, "orders", LEAVE_BEHIND, json.dumps([message]))
    with Redis.from_url(system.redis_url) as redis:
        eventually(lambda: any(event.id.encode() in it for it in payloads(redis, OUTCOMES)), seconds=SOON)
    eventually(lambda: not read(system, "orders", "SELECT FROM outbox WHERE id = $1", row), seconds=SOON)


def test_what_everybody_has_read_is_deleted(system: System) -> None:
    order_id = confirmed(system)
    with Redis.from_url(system.redis_url) as redis:
        newest = redis.xinfo_stream(QUERIES)["last-generated-id"]
        for _ in range(NODE + 20):
            look_up(system, order_id)
        eventually(
            lambda: number(redis.xinfo_stream(QUERIES)["first-entry"][0]) > number(newest),
            seconds=SOON,
        )


def test_the_groups_of_a_service_that_is_gone_are_forgotten_and_not_those_of_ours(system: System) -> None:
    name = new_id("postcards")
    with Redis.from_url(system.redis_url) as redis:
        for key in (EVENTS, OUTCOMES):
            redis.xgroup_create(key, name, "$")
        ran = system.run("onhand.cli", "forget", name, "--yes")
        assert ran.stdout.splitlines() == [f"deleted group {name} of {key}" for key in (EVENTS, OUTCOMES)]
        assert [it["name"] for it in redis.xinfo_groups(EVENTS)] == [b"inventory"]
    for gone, error in (
        (name, f"no stream has a group {name}"),
        ("inventory", "inventory is needed: what it has not read would be lost"),
    ):
        ran = system.run("onhand.cli", "forget", gone, "--yes")
        assert (ran.returncode, ran.stderr) == (1, f"onhand: {error}\n")


def number(entry_id: bytes) -> tuple[int, ...]:
    return tuple(map(int, entry_id.split(b"-")))
