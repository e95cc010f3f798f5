"""Which request leads to which message."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from answering import ID, JAM, MAKING, OTHER, TEA, Answering, send
from onhand.common.contracts import (
    AdjustStock,
    CancelOrder,
    CheckStock,
    Command,
    CountStock,
    CreateOrder,
    DefineLocation,
    DefineProduct,
    ExpectStock,
    ExplainStock,
    ExtendHold,
    FulfilOrder,
    GetHold,
    GetIncoming,
    GetOrder,
    GetProduct,
    GetTimeline,
    HoldStock,
    Line,
    ListIncoming,
    ListLocations,
    ListProducts,
    Movement,
    Query,
    ReceiveStock,
    ReleaseHold,
    RequestRefused,
    ReturnOrder,
    SetStock,
    TransferStock,
)

THEN = datetime(2026, 12, 1, 8, tzinfo=UTC)
LINES = (Line(product_id="tea", quantity=2), Line(product_id="jam", quantity=1))
JSON_LINES = [TEA, JAM, TEA]
ANY_REPLY = RequestRefused(code="order-state", detail="No.")
NEW_IDS = ("movement_id", "fulfilment_id", "return_id", "reservation_id", "incoming_id")


def new_id(message: object) -> object:
    """The id that the gateway gave to what a message would make."""
    return next(getattr(message, name) for name in NEW_IDS if hasattr(message, name))


def with_known_id(message: Any) -> Any:  # noqa: ANN401  # any message
    """A message as it would be if the id that the gateway gave it were ours, if it gave it one."""
    given = [name for name in (*NEW_IDS, "order_id") if getattr(message, name, ID) not in (ID, OTHER, UNSET)]
    return replace(message, **dict.fromkeys(given, ID))


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        (
            "POST",
            "/orders",
            {"productId": "tea", "quantity": 5, "customerId": "c"},
            CreateOrder(order_id=ID, customer_id="c", lines=(Line(product_id="tea", quantity=5),), as_product=True),
        ),
        (
            "POST",
            "/orders",
            {
                "customerId": "c",
                "lines": JSON_LINES,
                "policy": "backorder",
                "reservationId": str(OTHER),
                "reference": "r",
                "metadata": {"a": "b"},
            },
            CreateOrder(
                order_id=ID,
                customer_id="c",
                lines=LINES,
                policy="backorder",
                reservation_id=OTHER,
                reference="r",
                metadata={"a": "b"},
            ),
        ),
        ("GET", f"/orders/{ID}", None, GetOrder(order_id=ID)),
        ("GET", f"/orders/{ID}/events", None, GetTimeline(order_id=ID)),
        ("POST", f"/orders/{ID}/cancel", None, CancelOrder(order_id=ID)),
        ("POST", f"/orders/{ID}/cancel", {"reason": "two\nlines"}, CancelOrder(order_id=ID, reason="two\nlines")),
        ("POST", f"/orders/{ID}/fulfilments", None, FulfilOrder(order_id=ID, fulfilment_id=ID)),
        (
            "POST",
            f"/orders/{ID}/fulfilments",
            {"lines": JSON_LINES, "reference": "r"},
            FulfilOrder(order_id=ID, fulfilment_id=ID, lines=LINES, reference="r"),
        ),
        ("POST", f"/orders/{ID}/returns", None, ReturnOrder(order_id=ID, return_id=ID)),
        (
            "POST",
            f"/orders/{ID}/returns",
            {"lines": JSON_LINES, "restock": False, "reason": "broken"},
            ReturnOrder(order_id=ID, return_id=ID, lines=LINES, restock=False, reason="broken"),
        ),
        ("GET", "/stock/tea?quantity=3", None, CheckStock(product_id="tea", quantity=3)),
        ("PUT", "/stock/tea", {"onHand": 3}, SetStock(movement_id=ID, product_id="tea", on_hand=3)),
        (
            "PUT",
            "/stock/tea",
            {"onHand": 3, "locationId": "shop"},
            SetStock(movement_id=ID, product_id="tea", on_hand=3, location_id="shop"),
        ),
        (
            "POST",
            "/stock/tea/movements",
            {"type": "receive", "quantity": 3, "incomingId": str(OTHER), "reason": "why", "reference": "r"},
            ReceiveStock(movement_id=ID, product_id="tea", quantity=3, incoming_id=OTHER, reason="why", reference="r"),
        ),
        (
            "POST",
            "/stock/tea/movements",
            {"type": "adjust", "quantity": -3, "locationId": "shop"},
            AdjustStock(movement_id=ID, product_id="tea", quantity=-3, location_id="shop"),
        ),
        (
            "POST",
            "/stock/tea/movements",
            {"type": "count", "onHand": 0},
            CountStock(movement_id=ID, product_id="tea", on_hand=0),
        ),
        (
            "POST",
            "/stock/tea/movements",
            {"type": "transfer", "quantity": 3, "fromLocationId": "main", "toLocationId": "shop"},
            TransferStock(movement_id=ID, product_id="tea", quantity=3, from_location_id="main", to_location_id="shop"),
        ),
        (
            "POST",
            "/stock/tea/incoming",
            {"quantity": 3, "expectedAt": "2026-12-01T09:00:00+01:00"},
            ExpectStock(incoming_id=ID, product_id="tea", quantity=3, expected_at=THEN),
        ),
        (
            "PUT",
            f"/stock/tea/incoming/{OTHER}",
            {"quantity": 0, "expectedAt": "2026-12-01T08:00:00Z", "locationId": "shop", "reference": "r"},
            ExpectStock(
                incoming_id=OTHER, product_id="tea", quantity=0, expected_at=THEN, location_id="shop", reference="r"
            ),
        ),
        ("GET", f"/stock/tea/incoming/{OTHER}", None, GetIncoming(product_id="tea", incoming_id=OTHER)),
        ("GET", "/incoming", None, ListIncoming()),
        ("GET", "/incoming?productId=tea&limit=7", None, ListIncoming(limit=7, product_id="tea")),
        ("GET", "/stock/tea/explain", None, ExplainStock(product_id="tea")),
        (
            "GET",
            "/stock/tea/explain?at=2026-12-01T08:00:00Z&limit=7",
            None,
            ExplainStock(product_id="tea", at=THEN, limit=7),
        ),
        (
            "POST",
            "/reservations",
            {"lines": JSON_LINES, "ttlSeconds": 60, "reference": "r"},
            HoldStock(reservation_id=ID, lines=LINES, ttl_seconds=60, reference="r"),
        ),
        ("GET", f"/reservations/{ID}", None, GetHold(reservation_id=ID)),
        ("DELETE", f"/reservations/{ID}", None, ReleaseHold(reservation_id=ID)),
        ("POST", f"/reservations/{ID}/extend", {"ttlSeconds": 60}, ExtendHold(reservation_id=ID, ttl_seconds=60)),
        ("GET", "/products/tea", None, GetProduct(product_id="tea")),
        ("PUT", "/products/tea", {}, DefineProduct(product_id="tea")),
        (
            "PUT",
            "/products/tea",
            {"name": "Tea", "lowStockThreshold": 5, "safetyStock": 1, "backorderable": False},
            DefineProduct(product_id="tea", name="Tea", low_stock_threshold=5, safety_stock=1, backorderable=False),
        ),
        ("GET", "/products", None, ListProducts()),
        ("GET", "/products?limit=7&prefix=te", None, ListProducts(limit=7, prefix="te")),
        ("GET", "/locations", None, ListLocations()),
        ("PUT", "/locations/shop", {}, DefineLocation(location_id="shop")),
        (
            "PUT",
            "/locations/shop",
            {"name": "The shop", "priority": 0},
            DefineLocation(location_id="shop", name="The shop", priority=0),
        ),
    ],
)
async def test_each_request_leads_to_its_message(
    method: str, path: str, body: object, message: Command | Query
) -> None:
    answering = Answering(ANY_REPLY)
    response = await send(answering, method, path, body, x_actor="anna")
    assert response.status_code == 409, response.text
    (asked,) = answering.asked
    assert with_known_id(asked) == message
    assert answering.actors == ["anna"]


@pytest.mark.parametrize("path", [path for path in MAKING if path != "/orders"])
async def test_what_is_sent_again_with_its_key_has_the_same_id(path: str) -> None:
    answering = Answering(ANY_REPLY)
    for key in ('"1"', "1", '"2"'):
        await send(answering, "POST", path, MAKING[path], idempotency_key=key)
    await send(answering, "POST", path, MAKING[path])
    first, again, other, without = [new_id(message) for message in answering.asked]
    assert first == again
    assert len({first, other, without}) == 3


@pytest.mark.parametrize("path", ["/orders", "/stock/tea/movements", "/stock/tea/incoming"])
async def test_a_key_goes_along_with_what_is_kept_under_it(path: str) -> None:
    answering = Answering(ANY_REPLY)
    await send(answering, "POST", path, MAKING[path], idempotency_key='"1"')
    (asked,) = answering.asked
    assert isinstance(asked, CreateOrder | Movement | ExpectStock)
    assert asked.idempotency_key == "1"


@pytest.mark.parametrize("path", [*MAKING, f"/orders/{ID}/cancel", f"/reservations/{ID}/extend"])
async def test_a_malformed_header_is_told_before_anything_is_asked(path: str) -> None:
    answering = Answering(ANY_REPLY)
    for name in ("idempotency_key", "x_actor"):
        assert (await send(answering, "POST", path, {}, **{name: ""})).status_code == 400
    assert answering.asked == []


@pytest.mark.parametrize("path", [path for path, body in MAKING.items() if "lines" in body])
async def test_units_that_are_too_many_in_all_are_refused_where_they_become_so(path: str) -> None:
    answering = Answering(ANY_REPLY)
    lines = [TEA | {"quantity": 2**31 - 1}, JAM, TEA]
    response = await send(answering, "POST", path, MAKING[path] | {"lines": lines})
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == ["/lines/2/quantity"]
    assert answering.asked == []


@pytest.mark.parametrize("path", ["cancel", "fulfilments", "returns"])
async def test_a_body_of_which_all_may_be_absent_may_be_absent_itself(path: str) -> None:
    answering = Answering(ANY_REPLY)
    bodies: tuple[dict[str, str] | None, ...] = (None, {})
    for body in bodies:
        assert (await send(answering, "POST", f"/orders/{ID}/{path}", body)).status_code == 409
    assert (await send(answering, "POST", f"/orders/{ID}/{path}", {}, content_type="text/plain")).status_code == 415
    assert (await send(answering, "POST", f"/orders/{ID}/{path}", content_type="application/json")).status_code == 400
    assert len(answering.asked) == 2
