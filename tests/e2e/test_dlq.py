"""Dead letters of the running system, and what a person does about them."""

import json
from typing import Any
from uuid import UUID, uuid4

from msgspec import Raw
from msgspec.json import encode as encode_data
from msgspec.structs import replace
from redis import Redis

from onhand.common.contracts import CreateOrder, Line
from onhand.common.contracts.orders import CreateOrderV1
from onhand.common.messaging.entries import stream_key
from onhand.common.messaging.envelope import Envelope, encode, wrap
from tests.e2e.databases import read
from tests.e2e.system import System
from tests.e2e.traffic import place_order, set_stock, settled
from tests.e2e.verification import verify
from tests.e2e.waiting import eventually


def dlq(system: System, *arguments: str) -> tuple[int, Any]:
    done = system.run("onhand.cli", "dlq", *arguments, "--json")
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def put(system: System, *envelopes: Envelope) -> None:
    with Redis.from_url(system.redis_url) as redis:
        for envelope in envelopes:
            redis.xadd(stream_key(CreateOrder.TOPIC), {"event": encode(envelope)})


def letters(system: System, key: UUID) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dlq(system, "list", "--key", str(key))[1]["letters"]
    return found


def test_an_order_that_was_damaged_on_its_way_is_mended_and_then_confirmed(system: System, product: str) -> None:
    set_stock(system, product, 10)
    order_id = uuid4()
    command = CreateOrder(order_id=order_id, customer_id="ann", lines=(Line(product, 3),))
    whole = wrap(command, source="/gateway")
    damaged = replace(whole, data=Raw(bytes(whole.data).replace(b":3", b":null")))
    put(system, damaged, wrap(command, source="/gateway"))

    eventually(lambda: len(letters(system, order_id)) == 2)
    failed, parked = letters(system, order_id)
    assert (failed["state"], failed["behind"], parked["state"]) == ("failed", 1, "parked")
    assert dlq(system, "retry", failed["id"])[0] == 4  # nothing is mended yet
    assert letters(system, order_id)[0]["attempts"] == 10

    dlq(system, "edit", failed["id"], "--set", f'lines=[{{"productId": "{product}", "quantity": 3}}]')
    assert dlq(system, "retry", failed["id"]) == (0, [{"id": failed["id"], "outcome": "handled", "error": ""}])

    assert settled(system, str(order_id))["status"] == "confirmed"
    eventually(lambda: not letters(system, order_id))
    cause = "SELECT caused_by FROM order_events WHERE order_id = $1 AND version = 1"
    assert read(system, "orders", cause, order_id)[0]["caused_by"] == whole.id
    assert verify(system)[0] == 0


def test_a_command_that_older_code_sent_is_mended_as_it_was_written_and_is_done(system: System, product: str) -> None:
    set_stock(system, product, 10)
    order_id = uuid4()
    old = CreateOrderV1(order_id=order_id, customer_id="ann", product_id=product, quantity=3)
    whole = wrap(old, source="/gateway")
    put(system, replace(whole, data=Raw(bytes(whole.data).replace(b":3", b":null"))))

    eventually(lambda: len(letters(system, order_id)) == 1)
    (failed,) = letters(system, order_id)
    assert failed["type"] == "orders.create-order.v1"
    dlq(system, "edit", failed["id"], "--set", "quantity=3")
    assert dlq(system, "retry", failed["id"]) == (0, [{"id": failed["id"], "outcome": "handled", "error": ""}])

    assert settled(system, str(order_id))["lines"][0]["reserved"] == 3


def test_a_log_that_older_code_wrote_is_told_and_verified_as_todays(system: System, product: str) -> None:
    set_stock(system, product, 10)
    order_id = place_order(system, product, 3)
    assert settled(system, order_id)["status"] == "confirmed"
    before = system.client.get(f"/api/gateway/orders/{order_id}/events").json()["events"]
    before[0]["data"].pop("policy", None)  # which was the only one
    old = CreateOrderV1(order_id=UUID(order_id), customer_id="cust-456", product_id=product, quantity=3)
    statement = "UPDATE order_events SET type = $2, data = $3 WHERE order_id = $1 AND version = 1 RETURNING 1"
    assert read(system, "orders", statement, UUID(order_id), "orders.order-created.v1", encode_data(old).decode())

    assert system.client.get(f"/api/gateway/orders/{order_id}/events").json()["events"] == before
    assert verify(system)[0] == 0
