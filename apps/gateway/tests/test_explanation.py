"""All that is wrong with a body is told at once, each thing with a pointer to it."""

import json
from typing import Any

import msgspec
import pytest

from onhand.gateway.api.movements import AnyMovement
from onhand.gateway.api.orders import NewOrder
from onhand.gateway.api.reservations import NewReservation
from onhand.gateway.api.stock import Expected, ExpectedAnew
from onhand.gateway.explanation import violations_of

TEA = {"productId": "tea", "quantity": 1}
ONE_PRODUCT = {"customerId": "cust-456", "productId": "tea", "quantity": 1}
LINES = {"customerId": "cust-456", "lines": [TEA, {"productId": "jam", "quantity": 2}]}
EXPECTED = {"quantity": 5, "expectedAt": "2026-12-01T08:00:00+01:00"}
TRANSFER = {"type": "transfer", "quantity": 1, "fromLocationId": "main", "toLocationId": "shop"}


def wrong(body: Any, kind: Any) -> dict[str, str]:  # noqa: ANN401  # JSON and its type
    """What is said, by pointer; the decoder has to find the same bodies right and wrong."""
    found = list(violations_of(body, kind))
    said = {str(violation.pointer): violation.detail for violation in found}
    assert len(said) == len(found), "a fault is told once"
    try:
        msgspec.json.decode(json.dumps(body), type=kind)
    except msgspec.ValidationError:
        assert said
    else:
        assert not said
    return said


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (ONE_PRODUCT, NewOrder),
        (LINES, NewOrder),
        (
            LINES
            | {
                "policy": "ship-available",
                "reservationId": "01a206cd-427d-77a1-8aa6-7ee7769e5ae9",
                "reference": "web/1001",
                "metadata": {"a note": "two\nlines\tand a tab", "empty": "", "x" * 64: "y" * 500},
            },
            NewOrder,
        ),
        (LINES | {"lines": [TEA] * 100, "metadata": {str(number): "" for number in range(20)}}, NewOrder),
        ({"lines": [TEA], "ttlSeconds": 86_400}, NewReservation),
        (EXPECTED, Expected),
        (EXPECTED | {"expectedAt": "1970-01-01T00:00:00Z"}, Expected),
        (EXPECTED | {"quantity": 0}, ExpectedAnew),
        (TRANSFER, AnyMovement),
        ({"type": "receive", "quantity": 2**31 - 1, "reason": "x" * 500, "reference": "x" * 128}, AnyMovement),
        ({"type": "adjust", "quantity": -(2**31 - 1), "locationId": "x" * 64}, AnyMovement),
        ({"type": "count", "onHand": 0}, AnyMovement),
    ],
)
def test_nothing_is_said_of_a_body_that_is_right(body: dict[str, Any], kind: Any) -> None:  # noqa: ANN401  # a type
    assert wrong(body, kind) == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lines": []}, {"/lines": "must not be empty"}),
        ({"lines": [TEA] * 101}, {"/lines": "must have at most 100 items"}),
        ({"lines": {}}, {"/lines": "must be a list"}),
        ({"lines": None}, {"/lines": "must be a list"}),
        ({"lines": "tea"}, {"/lines": "must be a list"}),
        ({"lines": [TEA, 5]}, {"/lines/1": "must be an object"}),
        ({"lines": [TEA, TEA, TEA, TEA | {"quantity": 0}]}, {"/lines/3/quantity": "must be at least 1"}),
        ({"lines": [TEA | {"quantity": 1.5}]}, {"/lines/0/quantity": "must be a whole number"}),
        ({"lines": [{"quantity": 1}]}, {"/lines/0/productId": "is missing"}),
        ({"lines": [TEA | {"a/b": 1}]}, {"/lines/0/a~1b": "is not a field of this request"}),
        (
            {"lines": [{"productId": "a/b"}, {"productId": "", "quantity": 2**31, "size": 1}]},
            {
                "/lines/0/productId": "must not contain control characters, surrogates or a slash",
                "/lines/0/quantity": "is missing",
                "/lines/1/productId": "must not be empty",
                "/lines/1/quantity": "must be at most 2147483647",
                "/lines/1/size": "is not a field of this request",
            },
        ),
        ({"policy": "perhaps"}, {"/policy": "must be one of all-or-nothing, ship-available, backorder"}),
        ({"policy": None}, {"/policy": "must be one of all-or-nothing, ship-available, backorder"}),
        ({"policy": ["backorder"]}, {"/policy": "must be one of all-or-nothing, ship-available, backorder"}),
        ({"reservationId": "cart"}, {"/reservationId": "must be a UUID"}),
        ({"reservationId": 5}, {"/reservationId": "must be a UUID"}),
        ({"reference": ""}, {"/reference": "must not be empty"}),
        ({"reference": "x" * 129}, {"/reference": "must have at most 128 characters"}),
        ({"reference": "a\nb"}, {"/reference": "must not contain control characters or surrogates"}),
        ({"metadata": []}, {"/metadata": "must be an object"}),
        ({"metadata": {str(number): "" for number in range(21)}}, {"/metadata": "must have at most 20 fields"}),
        ({"metadata": {"key": 5}}, {"/metadata/key": "must be a string"}),
        ({"metadata": {"key": "x" * 501}}, {"/metadata/key": "must have at most 500 characters"}),
        ({"metadata": {"key": "\0"}}, {"/metadata/key": "must not contain control characters or surrogates"}),
        ({"metadata": {"": "x"}}, {"/metadata/": "its name must not be empty"}),
        ({"metadata": {"x" * 65: "x"}}, {f"/metadata/{'x' * 65}": "its name must have at most 64 characters"}),
        (
            {"metadata": {"a\nb": None}},
            {"/metadata/a\nb": "its name must not contain control characters or surrogates; must be a string"},
        ),
    ],
)
def test_each_fault_of_an_order_is_told_where_it_is(changes: dict[str, Any], said: dict[str, str]) -> None:
    assert wrong(LINES | changes, NewOrder) == said


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/customerId", "/productId", "/quantity"}),
        ({"customerId": "c"}, {"/productId", "/quantity"}),
        ({"customerId": "c", "productId": "tea"}, {"/quantity"}),
        ({"customerId": "c", "quantity": 1}, {"/productId"}),
        (LINES | TEA, {"/productId", "/quantity"}),
        (LINES | {"productId": "tea"}, {"/productId"}),
        (LINES | {"quantity": 1}, {"/quantity"}),
        ({"lines": []}, {"/customerId", "/lines"}),
    ],
)
def test_an_order_is_for_one_product_or_has_lines(body: dict[str, Any], pointers: set[str]) -> None:
    assert wrong(body, NewOrder).keys() == pointers


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], {"": "must be an object"}),
        ({}, {"/type": "is missing"}),
        ({"type": "sale", "quantity": 5}, {"/type": "must be one of receive, adjust, count, transfer"}),
        ({"type": None}, {"/type": "must be one of receive, adjust, count, transfer"}),
        ({"type": []}, {"/type": "must be one of receive, adjust, count, transfer"}),
        ({"type": "receive", "onHand": 5}, {"/quantity": "is missing", "/onHand": "is not a field of this request"}),
        ({"type": "receive", "quantity": 0}, {"/quantity": "must be at least 1"}),
        ({"type": "receive", "quantity": 1, "incomingId": "x"}, {"/incomingId": "must be a UUID"}),
        ({"type": "adjust", "quantity": -(2**31)}, {"/quantity": "must be at least -2147483647"}),
        ({"type": "adjust", "quantity": 0}, {"/quantity": "must not be 0"}),
        ({"type": "adjust", "quantity": False}, {"/quantity": "must be a whole number"}),
        ({"type": "count", "onHand": -1}, {"/onHand": "must be at least 0"}),
        ({"type": "count", "onHand": 1, "locationId": "x" * 65}, {"/locationId": "must have at most 64 characters"}),
        ({"type": "count", "onHand": 1, "reason": "x" * 501}, {"/reason": "must have at most 500 characters"}),
        ({"type": "count", "onHand": 1, "reason": ""}, {"/reason": "must not be empty"}),
        (TRANSFER | {"toLocationId": "main"}, {"/toLocationId": "must be another location than fromLocationId"}),
        (TRANSFER | {"quantity": None}, {"/quantity": "must be a whole number"}),
    ],
)
def test_a_movement_is_judged_by_its_type(body: Any, said: dict[str, str]) -> None:  # noqa: ANN401  # JSON
    assert wrong(body, AnyMovement) == said


WHEN = "must be a date and time with its offset, as in RFC 3339: 2026-11-25T09:30:00Z"
REACH = "must be from 1970 on and before 9999"


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("tomorrow", WHEN),
        ("2026-12-01", WHEN),
        ("2026-12-01T08:00:00", WHEN),
        ("2026-02-30T08:00:00Z", WHEN),
        ("2026-12-01T25:00:00Z", WHEN),
        ("", WHEN),
        (1764576000, WHEN),
        (None, WHEN),
        ("0001-01-01T00:00:00+14:00", REACH),
        ("1969-12-31T23:59:59Z", REACH),
        ("9999-12-31T23:59:59-14:00", REACH),
    ],
)
def test_a_moment_is_one_that_can_be_stored(moment: object, said: str) -> None:
    assert wrong(EXPECTED | {"expectedAt": moment}, Expected) == {"/expectedAt": said}


@pytest.mark.parametrize("ttl", [0, -1, 86_401, 1.5, "60", None, True])
def test_a_reservation_lasts_a_second_to_a_day(ttl: object) -> None:
    assert wrong({"lines": [TEA], "ttlSeconds": ttl}, NewReservation).keys() == {"/ttlSeconds"}


def test_a_long_name_of_a_field_is_told_in_short() -> None:
    (pointer,) = wrong(LINES | {"x" * 10_000: 1}, NewOrder)
    assert pointer == "/" + "x" * 100
