"""Whoever listens is told everything once and in order, whatever dies meanwhile."""

from itertools import groupby

import httpx
import pytest
from redis import Redis

from tests.e2e.listening import Listening, listening
from tests.e2e.problems import problem
from tests.e2e.replicas import Replica, second_replicas
from tests.e2e.shop import NOBODY, becomes, done, new_id, place, post, timeline
from tests.e2e.system import System
from tests.e2e.traffic import place_order, set_stock, traffic
from tests.e2e.waiting import eventually

STREAM = {"Accept": "text/event-stream"}


def of_log(system: System, order_ids: list[str]) -> dict[str, list[int]]:
    return {order_id: [entry["version"] for entry in timeline(system, order_id)] for order_id in order_ids}


def told(client: Listening) -> dict[str, list[int]]:
    """The versions that were told of each order, as they came."""
    found: dict[str, list[int]] = {}
    for order_id, version in client.steps:
        found.setdefault(order_id, []).append(version)
    return found


def is_told_everything(client: Listening, system: System, order_ids: list[str]) -> bool:
    return told(client) == of_log(system, order_ids)


def settle(system: System, orders: list[str]) -> None:
    for order_id in orders:
        eventually(lambda order_id=order_id: len(timeline(system, order_id)) > 1)  # type: ignore[misc]


def test_an_order_is_told_from_its_beginning_and_then_while_it_goes_on(system: System) -> None:
    product = new_id()
    set_stock(system, product, 10)
    order_id = place(system, {product: 2})
    becomes(system, order_id, "confirmed")
    with listening([system.url("gateway")], f"/orders/{order_id}/events") as client:
        eventually(lambda: len(client.events) == 2)
        place(system, {product: 1})
        done(post(system, f"orders/{order_id}/fulfilments"))
        eventually(lambda: len(client.events) == 3)
    assert client.steps == [(order_id, 1), (order_id, 2), (order_id, 3)]
    for event, entry in zip(client.events, timeline(system, order_id), strict=True):
        assert event.data == entry | {
            "position": event.position,
            "orderId": order_id,
            "customerId": "cust-456",
        }


def test_a_customer_hears_of_its_own_orders_and_everything_of_all(system: System) -> None:
    product, customer = new_id(), new_id("customer")
    set_stock(system, product, 10)
    before = place(system, {product: 1}, customerId=customer)
    becomes(system, before, "confirmed")
    gateways = [system.url("gateway")]
    with listening(gateways, customerId=customer) as his, listening(gateways) as all_of_it:
        mine = place(system, {product: 1}, customerId=customer)
        other = place(system, {product: 1})
        eventually(lambda: told(his) == {mine: [1, 2]})
        eventually(lambda: of([mine, other], all_of_it) == {mine: [1, 2], other: [1, 2]})


def test_a_client_that_comes_again_goes_on_where_it_was_also_if_it_had_heard_nothing(system: System) -> None:
    product, customer = new_id(), new_id("customer")
    set_stock(system, product, 100)
    with listening([system.url("gateway")], customerId=customer) as client:
        position = client.position
    assert position
    orders = [place(system, {product: 1}, customerId=customer) for _ in range(4)]
    settle(system, orders)
    with listening([system.url("gateway")], position=position, customerId=customer) as client:
        eventually(lambda: told(client) == {it: [1, 2] for it in orders})
    for place_, event in enumerate(client.events, start=1):
        with listening([system.url("gateway")], position=event.position, customerId=customer) as again:
            eventually(lambda again=again, place_=place_: again.events == client.events[place_:])  # type: ignore[misc]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/orders/{NOBODY}/events", STREAM, 404),
        ("/orders/nonsense/events", STREAM, 404),
        ("/events", {"Accept": "application/json"}, 406),
        ("/events?customer=x", STREAM, 422),
        ("/events?customerId=", STREAM, 422),
        ("/events?customerId=a&customerId=b", STREAM, 422),
        ("/events", STREAM | {"Last-Event-ID": "garbage"}, 400),
        ("/events", STREAM | {"Last-Event-ID": f"-1-{NOBODY}-1"}, 400),
        ("/events", STREAM | {"Last-Event-ID": f"99999999999999999999-{NOBODY}-1"}, 400),
        ("/events", STREAM | {"Last-Event-ID": f"1-{NOBODY}-1'; DROP TABLE orders"}, 400),
        ("/events", STREAM | {"Last-Event-ID": f"9999999999999999999-{NOBODY}-1"}, 400),
        ("/events?customerId=a", STREAM | {"Last-Event-ID": f"9999999999999999999-{NOBODY}-1"}, 400),
        ("/events", STREAM | {"X-Actor": ""}, 400),
        (f"/orders/{NOBODY}/events", STREAM | {"Last-Event-ID": "1"}, 400),
    ],
)
def test_what_cannot_be_listened_to_is_a_problem(
    system: System, path: str, headers: dict[str, str], status: int
) -> None:
    problem(system.client.get(f"/api/gateway{path}", headers=headers), status)


def test_an_order_is_not_told_to_who_has_heard_of_what_has_not_happened(system: System) -> None:
    product = new_id()
    set_stock(system, product, 1)
    order_id = place(system, {product: 1})
    headers = STREAM | {"Last-Event-ID": f"9999999999999999999-{NOBODY}-1"}
    answer = system.client.get(f"/api/gateway/orders/{order_id}/events", headers=headers)
    assert "later than all that has happened" in problem(answer, 400)["detail"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/event-stream;q=0.1, application/json", "nonsense"])
def test_a_timeline_is_json_unless_a_stream_is_wanted_more(system: System, accept: str) -> None:
    product = new_id()
    set_stock(system, product, 1)
    order_id = place(system, {product: 1})
    answer = system.client.get(f"/api/gateway/orders/{order_id}/events", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["orderId"] == order_id


def test_nothing_is_missed_or_told_twice_while_gateway_orders_and_redis_are_lost(system: System) -> None:
    with listening([system.url("gateway")]) as client, traffic(system) as orders:
        with Redis.from_url(system.redis_url) as redis:
            for _ in range(2):
                orders.go_on()
                redis.flushall()
        for component in ("gateway", "orders", "gateway", "postgres"):
            orders.go_on()
            system.kill(component)
            eventually(lambda component=component: system.process(component) and system.is_ready())  # type: ignore[misc]
        orders.go_on()
        connections = client.connections
        assert connections > 2
        placed = [it for it, _ in groupby(sorted({*orders.accepted}))]
        settle(system, placed)
        eventually(lambda: {*placed} <= {*told(client)})
        eventually(lambda: all(versions == told(client)[it] for it, versions in of_log(system, placed).items()))
    assert len(client.steps) == len({*client.steps})
    assert [*client.events] == sorted(client.events, key=lambda it: _order_of(it.position))
    versions = told(client)
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


def _order_of(position: str) -> tuple[int, str, int]:
    turn, _, rest = position.partition("-")
    order_id, _, version = rest.rpartition("-")
    return int(turn), order_id, int(version)


def test_two_gateways_tell_the_same_and_a_client_may_change_between_them(system: System) -> None:
    product = new_id()
    set_stock(system, product, 1000)
    with second_replicas(system, "gateway") as (other,):
        urls = [system.url("gateway"), other.url]
        with (
            listening(urls[:1]) as here,
            listening(urls[1:]) as there,
            listening(urls) as between,
        ):
            orders = [place_order(system, product) for _ in range(30)]
            for _ in range(3):
                restart(other)
                orders += [place_order(system, product) for _ in range(10)]
            settle(system, orders)
            for client in (here, there, between):
                eventually(lambda client=client: of(orders, client) == {it: [1, 2] for it in orders})  # type: ignore[misc]
    in_turn = [step for step in here.steps if step[0] in orders]
    for client in (there, between):
        assert [step for step in client.steps if step[0] in orders] == in_turn


def of(order_ids: list[str], client: Listening) -> dict[str, list[int]]:
    """What was told of some orders."""
    return {order_id: versions for order_id, versions in told(client).items() if order_id in order_ids}


def restart(replica: Replica) -> None:
    replica.kill()
    replica.start()
    eventually(replica.is_ready)


def test_a_gateway_that_is_stopped_ends_its_streams_at_once_and_properly(system: System) -> None:
    with second_replicas(system, "gateway") as (other,), httpx.Client(timeout=30, trust_env=False) as client:
        with client.stream("GET", f"{other.url}/api/gateway/events", headers=STREAM) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("retry: ")
            other.stop()
            rest = [*lines]  # to the last chunk: it was not cut off
        assert rest[0].startswith("id: ")
        assert other.wait() == 0
