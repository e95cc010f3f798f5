"""What older code has written is read as the messages of today, wherever it may lie."""

import json
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from onhand.common.contracts import (
    CONTRACTS,
    CreateOrder,
    Event,
    GetTimeline,
    Line,
    Message,
    Older,
    OrderCreated,
    OrderRejected,
    StockReplenished,
)
from onhand.common.database import Database, Transaction
from onhand.common.messaging.entries import Entry
from onhand.common.messaging.envelope import Answer, Effect, Envelope, Publish, Received, encode, read_as
from onhand.common.messaging.subscriptions import Subscription, Subscriptions
from onhand.common.messaging.unanswered import Unanswered, expect_answers, tell_again
from onhand.common.messaging.versions import in_todays_words, read, versions_of
from onhand.common.testing import received
from onhand.orders.queries.timelines import get_timelines
from tests.contracts.examples import ORDER_ID

GOLDEN = Path(__file__).parent / "golden"
LINES = (Line(product_id="123", quantity=5),)
NOW: dict[str, Message] = {
    "orders.create-order.v1": CreateOrder(order_id=ORDER_ID, customer_id="cust-456", lines=LINES, as_product=True),
    "orders.order-created.v1": OrderCreated(order_id=ORDER_ID, customer_id="cust-456", lines=LINES),
    "orders.order-rejected.v1": OrderRejected(order_id=ORDER_ID, reason="unknown-product", lines=()),
    "inventory.stock-replenished.v1": StockReplenished(product_id="123", available_to_promise=93, crossing=3),
}


class GrownV1(Older, frozen=True):
    """A toy of the first version."""

    TYPE = "toys.grown.v1"
    SUBJECT = "toy"

    toy: str
    feet: int

    def upcast(self) -> "GrownV2":
        """In inches."""
        return GrownV2(toy=self.toy, inches=self.feet * 12)


class GrownV2(Older, frozen=True):
    """A toy of the second version."""

    TYPE = "toys.grown.v2"
    SUBJECT = "toy"
    OLDER = (GrownV1,)

    toy: str
    inches: int

    def upcast(self) -> "Grown":
        """In millimetres."""
        return Grown(toy=self.toy, millimetres=round(self.inches * 25.4))


class Grown(Event, frozen=True):
    """A toy has grown."""

    TYPE = "toys.grown.v3"
    TOPIC = "toys.events"
    SUBJECT = "toy"
    OLDER = (GrownV2,)

    toy: str
    millimetres: int


def golden(message_type: str) -> bytes:
    return (GOLDEN / f"{message_type}.json").read_bytes()


def envelope(message_type: str, data: bytes) -> Envelope:
    whole = json.loads(golden("envelope")) | {"type": message_type, "data": json.loads(data)}
    return msgspec.convert(whole | {"data": msgspec.Raw(data)}, Envelope)


@pytest.mark.parametrize("message_type", NOW)
def test_what_was_written_as_an_older_version_is_read_as_todays(message_type: str) -> None:
    now = NOW[message_type]
    assert read_as(type(now), envelope(message_type, golden(message_type))) == now


def test_every_older_version_is_tried() -> None:
    assert {it.TYPE for contract in CONTRACTS for it in versions_of(contract) if it is not contract} == set(NOW)


def test_an_older_version_is_read_by_way_of_each_version_between() -> None:
    assert read(Grown, "toys.grown.v1", b'{"toy":"bear","feet":2}') == Grown(toy="bear", millimetres=610)
    assert read(Grown, "toys.grown.v2", b'{"toy":"bear","inches":24}') == Grown(toy="bear", millimetres=610)
    assert read(Grown, "toys.grown.v3", b'{"toy":"bear","millimetres":610}') == Grown(toy="bear", millimetres=610)


def test_data_that_breaks_the_older_contract_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="feet"):
        read(Grown, "toys.grown.v1", b'{"toy":"bear","millimetres":610}')


async def test_a_handler_is_given_older_versions_from_the_stream_in_order_and_once() -> None:
    seen: list[Message] = []

    async def note(batch: Sequence[Received[Grown]], _: Transaction) -> list[Effect]:
        seen.extend(it.message for it in batch)
        return []

    subscriptions = Subscriptions([Subscription(Grown, note)])
    said = [("toys.grown.v2", b'{"toy":"a","inches":10}'), ("toys.grown.v3", b'{"toy":"b","millimetres":7}')]
    entries = [Entry("toys.events", b"1-0", encode(envelope(*it))) for it in said]
    await subscriptions.handle(subscriptions.sort(entries), None)
    assert seen == [Grown(toy="a", millimetres=254), Grown(toy="b", millimetres=7)]
    assert subscriptions.types == ["toys.grown.v3"]


async def test_what_older_code_waits_to_be_answered_is_told_again_in_the_words_of_today(
    orders_database: Database,
) -> None:
    async with orders_database.transaction() as tx:
        await expect_answers(tx, [Unanswered("a", Publish(GrownV1(toy="bear", feet=2)))])  # type: ignore[arg-type]  # it is old
        await tx.execute("UPDATE unanswered_events SET asked_at = asked_at - interval '1 hour'")
        told = await tell_again([Grown], 1.0, tx)
    assert [it.event for it in told] == [Grown(toy="bear", millimetres=610)]


async def test_an_orders_log_of_before_is_told_in_the_words_of_today(orders_database: Database) -> None:
    types = ("orders.order-created.v1", "orders.order-rejected.v1")
    async with orders_database.transaction() as tx:
        await tx.executemany(
            "INSERT INTO order_events (order_id, version, type, data, caused_by, source)"
            " VALUES ($1, $2, $3, $4, 'x', 'gateway')",
            [(ORDER_ID, version, it, golden(it).decode()) for version, it in enumerate(types, start=1)],
        )
        (answer,) = await get_timelines([received(GetTimeline(order_id=ORDER_ID))], tx)
    assert isinstance(answer, Answer)
    entries = json.loads(msgspec.json.encode(answer.reply))["events"]
    assert [(it["type"], it["data"]) for it in entries] == [
        (NOW[it].TYPE, json.loads(msgspec.json.encode(NOW[it]))) for it in types
    ]


def test_an_entry_of_today_is_left_as_it_is_and_an_unknown_one_too() -> None:
    for it in ("orders.order-created.v2", "toys.unknown.v1"):
        assert in_todays_words(it, "{ }") == (it, "{ }")


def test_the_order_of_a_log_of_before_is_the_same_order() -> None:
    _, data = in_todays_words("orders.order-created.v1", golden("orders.order-created.v1").decode())
    assert UUID(json.loads(data)["orderId"]) == ORDER_ID
