"""Which reply leads to which answer."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from answering import ID, JAM, MAKING, OTHER, TEA, Answering, send
from onhand.common.contracts import (
    HoldReplayed,
    IncomingAdded,
    IncomingDetails,
    IncomingOver,
    IncomingReplayed,
    Line,
    LineShortage,
    LocationEntry,
    LocationList,
    MovementReceipt,
    MovementReplayed,
    OrderReceipt,
    OrderReplayed,
    Reply,
    RequestRefused,
)
from onhand.common.errors import NoReply

THEN = datetime(2026, 12, 1, 8, tzinfo=UTC)
LINES = (Line(product_id="tea", quantity=1),)
HOLD = HoldReplayed(reservation_id=OTHER, state="active", lines=LINES, created_at=THEN, expires_at=THEN)
INCOMING = IncomingReplayed(incoming_id=OTHER, product_id="tea", location_id="main", quantity=3, expected_at=THEN)
MOVED = MovementReceipt(movement_id=ID, type="count", product_id="tea", entries=())


@pytest.mark.parametrize(
    ("path", "reply", "location"),
    [
        ("/orders", OrderReceipt(order_id=OTHER, status="pending"), f"/orders/{OTHER}"),
        ("/stock/tea/movements", MOVED, None),
    ],
)
async def test_what_is_made_is_answered_with_201_and_the_reply_as_it_is(
    path: str, reply: Reply, location: str | None
) -> None:
    response = await send(Answering(reply), "POST", path, MAKING[path])
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    assert response.headers.get("location") == (None if location is None else f"/api/gateway{location}")
    assert "idempotent-replayed" not in response.headers
    assert response.content == msgspec.json.encode(reply)


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("/orders", OrderReplayed(order_id=OTHER, status="confirmed")),
        ("/reservations", HOLD),
        ("/stock/tea/incoming", INCOMING),
        ("/stock/tea/movements", MovementReplayed(movement_id=ID, type="count", product_id="tea", entries=())),
    ],
)
async def test_what_was_made_before_is_answered_alike_and_marked(path: str, reply: Reply) -> None:
    response = await send(Answering(reply), "POST", path, MAKING[path], idempotency_key='"1"')
    assert response.status_code == 201
    assert response.headers["idempotent-replayed"] == "true"


async def test_the_location_of_a_replayed_order_is_that_of_the_first() -> None:
    replayed = OrderReplayed(order_id=OTHER, status="pending")
    response = await send(Answering(replayed), "POST", "/orders", MAKING["/orders"])
    assert response.headers["location"] == f"/api/gateway/orders/{OTHER}"


async def test_a_location_is_a_url_whatever_the_product_is_called() -> None:
    body = MAKING["/stock/tea/incoming"]
    response = await send(Answering(INCOMING), "POST", "/stock/%e6%97%a5%20%25/incoming", body)
    assert response.status_code == 201
    assert response.headers["location"].startswith("/api/gateway/stock/%E6%97%A5%20%25/incoming/")


@pytest.mark.parametrize(("kind", "status"), [(IncomingAdded, 201), (IncomingDetails, 200)])
async def test_what_is_expected_anew_is_told_apart_from_what_is_said_first(
    kind: type[IncomingDetails], status: int
) -> None:
    reply = kind(incoming_id=OTHER, product_id="tea", location_id="main", quantity=3, expected_at=THEN)
    response = await send(Answering(reply), "PUT", f"/stock/tea/incoming/{OTHER}", MAKING["/stock/tea/incoming"])
    assert (response.status_code, response.content) == (status, msgspec.json.encode(reply))


async def test_what_has_been_received_is_not_expected_anew() -> None:
    reply = IncomingOver(incoming_id=OTHER, product_id="tea", location_id="main", quantity=0, expected_at=THEN)
    response = await send(Answering(reply), "PUT", f"/stock/tea/incoming/{OTHER}", MAKING["/stock/tea/incoming"])
    assert (response.status_code, response.headers["content-type"]) == (409, "application/problem+json")
    told = response.json()
    assert (told["type"], told["state"]) == ("urn:onhand:problem:incoming-state", "received")


async def test_locations_are_listed() -> None:
    reply = LocationList(about="all", locations=(LocationEntry(location_id="main"),))
    response = await send(Answering(reply), "GET", "/locations")
    assert response.json() == {"locations": [{"locationId": "main", "priority": 100}]}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("order-not-found", 404),
        ("product-not-found", 404),
        ("location-not-found", 404),
        ("reservation-not-found", 404),
        ("incoming-not-found", 404),
        ("on-hand-below-reserved", 409),
        ("insufficient-stock", 409),
        ("too-much-stock", 409),
        ("too-many-locations", 409),
        ("order-state", 409),
        ("reservation-state", 409),
        ("line-state", 409),
        ("idempotency-key-reused", 422),
    ],
)
async def test_each_refusal_has_its_status(code: Any, status: int) -> None:  # noqa: ANN401  # a literal
    response = await send(Answering(RequestRefused(code=code, detail="No.")), "GET", f"/orders/{ID}")
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.json() == {
        "type": f"urn:onhand:problem:{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": "No.",
    }


async def test_a_refusal_says_the_state_the_field_and_what_there_was() -> None:
    refusal = RequestRefused(
        code="line-state",
        detail="Only 1 is reserved.",
        state="confirmed",
        pointer="/lines/1/quantity",
        lines=(LineShortage(product_id="jam", requested=2, available=1),),
    )
    response = await send(Answering(refusal), "POST", f"/orders/{ID}/fulfilments", {"lines": [TEA, TEA, JAM]})
    problem = response.json()
    assert problem["state"] == "confirmed"
    assert problem["errors"] == [{"detail": "Only 1 is reserved.", "pointer": "/lines/2/quantity"}]
    assert problem["lines"] == [{"productId": "jam", "requested": 2, "available": 1}]


@pytest.mark.parametrize(
    ("path", "made"),
    list(
        zip(
            MAKING,
            ("orderId", "movementId", "incomingId", "reservationId", "fulfilmentId", "returnId"),
            strict=True,
        )
    ),
)
async def test_without_a_reply_it_is_told_what_may_have_been_made_and_whether_it_may_be_sent_again(
    path: str, made: str
) -> None:
    answering = Answering(NoReply("no reply within 5 s"))
    without = await send(answering, "POST", path, MAKING[path])
    with_key = await send(answering, "POST", path, MAKING[path], idempotency_key="1")
    for response in (without, with_key):
        assert (response.status_code, response.headers["retry-after"]) == (504, "1")
        assert UUID(response.json()[made]).version in (5, 7)
    assert "Look before sending it again" in without.json()["detail"]
    assert "Send it again with the same Idempotency-Key" in with_key.json()["detail"]


async def test_without_a_reply_to_what_may_be_repeated_anyway_nothing_is_advised() -> None:
    response = await send(Answering(NoReply("no reply within 5 s")), "POST", f"/orders/{ID}/cancel")
    assert response.json()["detail"] == "no reply within 5 s. It may have been done, or may yet be."
