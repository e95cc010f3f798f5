import json
from uuid import UUID

import msgspec
import pytest

from onhand.common.contracts import CreateOrder, Line, OrderCreated, OrderReceipt
from onhand.common.messaging.envelope import (
    Answer,
    Publish,
    Received,
    decode,
    decode_all,
    encode,
    events_of,
    read_as,
    replies_of,
    wrap,
)

ORDER_ID = UUID("01a206cd-427d-77a1-8aa6-7ee7769e5ae9")
LINES = (Line("apple", 3),)
COMMAND = CreateOrder(order_id=ORDER_ID, customer_id="ann", lines=LINES)
CREATED = OrderCreated(order_id=ORDER_ID, customer_id="ann", lines=LINES)
RECEIPT = OrderReceipt(order_id=ORDER_ID, product_id="apple", quantity=3, status="pending")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def request(replyto: str = "replies.a") -> Received[CreateOrder]:
    return Received(COMMAND, wrap(COMMAND, source="/gateway", replyto=replyto, traceparent=TRACE, actor="bob"))


def test_an_envelope_is_a_cloudevent() -> None:
    event = json.loads(encode(wrap(CREATED, source="/orders")))
    assert event["specversion"] == "1.0"
    assert event["type"] == "orders.order-created.v2"
    assert event["source"] == "/orders"
    assert event["subject"] == str(ORDER_ID)
    assert event["datacontenttype"] == "application/json"
    lines = [{"productId": "apple", "quantity": 3}]
    assert event["data"] == {"orderId": str(ORDER_ID), "customerId": "ann", "lines": lines}
    assert UUID(event["id"]).version == 7
    assert event["time"].endswith("Z")
    assert all(name.isalnum() and name.islower() for name in event)


def test_what_is_written_is_read_back() -> None:
    envelope = decode(encode(wrap(CREATED, source="/orders")))
    assert read_as(OrderCreated, envelope) == CREATED


def test_a_message_that_follows_from_another_belongs_to_its_story() -> None:
    cause = request()
    (outgoing,) = events_of([Publish(CREATED, cause=cause)], "/orders")
    envelope = decode(outgoing.payload)
    assert (outgoing.topic, outgoing.key) == ("orders.events", str(ORDER_ID))
    assert envelope.correlationid == cause.envelope.correlationid == str(ORDER_ID)
    assert envelope.causationid == cause.envelope.id
    assert (envelope.traceparent, envelope.actor) == (TRACE, "bob")
    assert envelope.source == "/orders"


def test_an_event_without_a_cause_begins_a_story_about_its_subject() -> None:
    (outgoing,) = events_of([Publish(CREATED)], "/orders")
    assert decode(outgoing.payload).correlationid == str(ORDER_ID)


def test_replies_are_gathered_by_the_channel_that_waits_for_them() -> None:
    first, second, third = request("replies.a"), request("replies.b"), request("replies.a")
    payloads = replies_of([Answer(to=each, reply=RECEIPT) for each in (first, second, third)], "/orders")
    causes = {
        channel: [envelope.causationid for envelope in decode_all(payload)] for channel, payload in payloads.items()
    }
    assert causes == {"replies.a": [first.envelope.id, third.envelope.id], "replies.b": [second.envelope.id]}


def test_a_request_that_expects_no_reply_gets_none() -> None:
    silent = Received(COMMAND, wrap(COMMAND, source="/gateway"))
    assert replies_of([Answer(to=silent, reply=RECEIPT)], "/orders") == {}


@pytest.mark.parametrize("payload", [b"", b"null", b"{}", b"\xff", b'{"type":"x"'])
def test_what_is_no_envelope_is_refused(payload: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        decode(payload)


@pytest.mark.parametrize("data", [{"orderId": "x"}, {}, {"orderId": str(ORDER_ID), "customerId": "ann", "lines": []}])
def test_data_that_breaks_its_contract_is_refused(data: dict[str, object]) -> None:
    envelope = msgspec.structs.replace(wrap(CREATED, source="/orders"), data=msgspec.Raw(msgspec.json.encode(data)))
    with pytest.raises(msgspec.ValidationError):
        read_as(OrderCreated, envelope)


def test_a_field_that_a_newer_writer_adds_is_ignored() -> None:
    data = msgspec.json.decode(msgspec.json.encode(CREATED)) | {"gift": True}
    envelope = msgspec.structs.replace(wrap(CREATED, source="/orders"), data=msgspec.Raw(msgspec.json.encode(data)))
    assert read_as(OrderCreated, envelope) == CREATED
