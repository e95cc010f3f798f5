"""The fields of every route that takes a body: what they cannot be is refused where it is, and without any effect."""

import json
from typing import Any

import httpx
import pytest

from tests.e2e.problems import problem, wrong_fields
from tests.e2e.system import System

pytestmark = pytest.mark.usefixtures("nothing_changes")

ID = "01a206cd-427d-77a1-8aa6-7ee7769e5ae9"
CANCEL, FULFIL, RETURN = (f"orders/{ID}/{what}" for what in ("cancel", "fulfilments", "returns"))
MOVE, EXPECT, EXPECT_THIS = "stock/tea/movements", "stock/tea/incoming", f"stock/tea/incoming/{ID}"
TEA = {"productId": "tea", "quantity": 5}
COMING = {"quantity": 5, "expectedAt": "2026-12-01T08:00:00Z"}
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "orders": ("POST", {"customerId": "cust-456", "lines": [TEA]}),
    CANCEL: ("POST", {}),
    FULFIL: ("POST", {"lines": [TEA]}),
    RETURN: ("POST", {"lines": [TEA]}),
    "stock/tea": ("PUT", {"onHand": 5}),
    MOVE: ("POST", {"type": "receive", "quantity": 5}),
    EXPECT: ("POST", COMING),
    EXPECT_THIS: ("PUT", COMING),
    "reservations": ("POST", {"lines": [TEA], "ttlSeconds": 60}),
    f"reservations/{ID}/extend": ("POST", {"ttlSeconds": 60}),
    "products/tea": ("PUT", {}),
    "locations/shop": ("PUT", {}),
}
"""A good body for every route that takes one."""

BAD_COUNTS = ["-1", "1.0", "2147483648", '"1"', "true", "null", "9" * 5_000]
BAD_TEXTS = [
    *('""', "1", "null", "true", "[]", "{}"),
    *(r'"\u0000"', r'"te\u0000a"', r'"\u001b[31m"', r'"\u007f"', r'"\ud800"', r'"te\udfffa"'),
]
BAD_MOMENTS = [
    *('"tomorrow"', '"2026-12-01"', '"2026-12-01T08:00:00"', '"2026-02-30T08:00:00Z"', '""', "null", "1764576000"),
    *(
        '"0001-01-01T00:00:00+14:00"',
        '"1969-12-31T23:59:59Z"',
        '"9999-12-31T23:59:59-14:00"',
        '"10000-01-01T00:00:00Z"',
    ),
]
LONGEST = {
    ("orders", "customerId"): 128,
    ("orders", "reference"): 128,
    (CANCEL, "reason"): 500,
    (FULFIL, "reference"): 128,
    (RETURN, "reason"): 500,
    ("stock/tea", "locationId"): 64,
    (MOVE, "locationId"): 64,
    (MOVE, "reason"): 500,
    (MOVE, "reference"): 128,
    (EXPECT, "locationId"): 64,
    (EXPECT_THIS, "reference"): 128,
    ("reservations", "reference"): 128,
    ("products/tea", "name"): 200,
    ("locations/shop", "name"): 200,
}
"""All texts, and how many characters they may have."""


def send(system: System, path: str, body: object, content_type: str = "application/json") -> httpx.Response:
    """Send a body as it is, or as JSON if it is none yet."""
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = {"content-type": content_type}
    return system.client.request(BODIES[path][0], f"/api/gateway/{path}", content=content, headers=headers)


def changed(path: str, **changes: str) -> str:
    """The good body of a route, with fields replaced by pieces of JSON."""
    fields = {name: json.dumps(value) for name, value in BODIES[path][1].items()} | changes
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


@pytest.mark.parametrize("path", BODIES)
def test_a_body_that_is_no_body_of_the_route_is_refused(system: System, path: str) -> None:
    assert wrong_fields(send(system, path, changed(path, discount="1"))) == {"/discount"}
    for wrong in ("[]", "null", '"tea"'):
        assert wrong_fields(send(system, path, wrong)) == {""}
    problem(send(system, path, "{"), 400)
    problem(send(system, path, b'{"a": "\xff"}'), 400)
    problem(send(system, path, BODIES[path][1], content_type="text/plain"), 415)
    problem(send(system, path, "[" + " " * 256 * 1024 + "]"), 413)


@pytest.mark.parametrize("path", [path for path, (_, body) in BODIES.items() if "lines" in body])
@pytest.mark.parametrize(
    ("lines", "places"),
    [
        ("[]", {"/lines"}),
        ("{}", {"/lines"}),
        ("null", {"/lines"}),
        ("7", {"/lines"}),
        (json.dumps([TEA] * 101), {"/lines"}),
        (json.dumps([TEA] * 5_000), {"/lines"}),
        ("[7, [], null]", {"/lines/0", "/lines/1", "/lines/2"}),
        ('[{"productId": "tea"}]', {"/lines/0/quantity"}),
        ('[{"quantity": 5}]', {"/lines/0/productId"}),
        ('[{"productId": "tea", "quantity": 5, "size": 1}]', {"/lines/0/size"}),
        (json.dumps([TEA, {"productId": "", "quantity": 0}]), {"/lines/1/productId", "/lines/1/quantity"}),
        (r'[{"productId": "te\u0000a", "quantity": 1.5}]', {"/lines/0/productId", "/lines/0/quantity"}),
        (r'[{"productId": "te/a", "quantity": 2147483648}]', {"/lines/0/productId", "/lines/0/quantity"}),
        (json.dumps([TEA, TEA, TEA, TEA | {"quantity": 0}]), {"/lines/3/quantity"}),
        (json.dumps([TEA, TEA | {"productId": "jam"}, TEA | {"quantity": 2**31 - 1}]), {"/lines/2/quantity"}),
        (json.dumps([TEA | {"quantity": 2**31 - 1}] * 3), {"/lines/1/quantity", "/lines/2/quantity"}),
    ],
)
def test_lines_that_cannot_be_are_refused_where_they_are_wrong(
    system: System, path: str, lines: str, places: set[str]
) -> None:
    assert wrong_fields(send(system, path, changed(path, lines=lines))) == places


@pytest.mark.parametrize(
    ("path", "field", "values"),
    [
        ("orders", "policy", ['"perhaps"', '""', "null", "1", "[]", r'"\u0000"']),
        ("orders", "reservationId", ['"cart"', '""', "null", "1"]),
        ("orders", "metadata", ["[]", "null", '"a"', json.dumps({str(it): "" for it in range(21)})]),
        (RETURN, "restock", ['"yes"', "1", "null"]),
        (MOVE, "type", ['"sale"', '"Receive"', '""', "null", "1", "{}"]),
        (MOVE, "incomingId", ['"next"', "null", "1"]),
        (EXPECT, "expectedAt", BAD_MOMENTS),
        (EXPECT_THIS, "expectedAt", BAD_MOMENTS),
        ("reservations", "ttlSeconds", ["0", "-1", "86401", "1.0", "1e3", '"60"', "true", "null", "9" * 5_000]),
        (f"reservations/{ID}/extend", "ttlSeconds", ["0", "86401", '"60"', "null"]),
        ("products/tea", "backorderable", ['"no"', "0", "null"]),
        ("locations/shop", "priority", ["-1", "10001", "1.5", '"1"', "null"]),
        (EXPECT, "quantity", [*BAD_COUNTS, "0"]),
        (EXPECT_THIS, "quantity", BAD_COUNTS),
        ("products/tea", "lowStockThreshold", BAD_COUNTS),
        ("products/tea", "safetyStock", BAD_COUNTS),
        *((path, field, BAD_TEXTS) for path, field in LONGEST),
    ],
)
def test_a_field_that_cannot_be_is_refused_and_named(system: System, path: str, field: str, values: list[str]) -> None:
    for value in values:
        assert wrong_fields(send(system, path, changed(path, **{field: value}))) == {f"/{field}"}, value


@pytest.mark.parametrize(("path", "field"), LONGEST)
def test_a_text_that_is_too_long_is_refused_and_named(system: System, path: str, field: str) -> None:
    longest = LONGEST[path, field]
    for characters, places in ((longest, {"/unknown"}), (longest + 1, {"/unknown", f"/{field}"})):
        body = BODIES[path][1] | {field: "日" * characters, "unknown": 1}
        assert wrong_fields(send(system, path, body)) == places


@pytest.mark.parametrize(
    ("metadata", "places"),
    [
        ('{"a": 1, "b": null, "c": "x"}', {"/metadata/a", "/metadata/b"}),
        ('{"": "x"}', {"/metadata/"}),
        ('{"a/b~c": 1}', {"/metadata/a~1b~0c"}),
        (json.dumps({"x" * 65: "y"}), {"/metadata/" + "x" * 65}),
        (json.dumps({"x": "y" * 501}), {"/metadata/x"}),
        (r'{"a\u0000": "x", "b": "\u0000"}', {"/metadata/a\0", "/metadata/b"}),
        (r'{"\udfff": "x"}', {r"/metadata/\udfff"}),
        ('{"a": {"b": "c"}}', {"/metadata/a"}),
    ],
)
def test_metadata_is_a_few_short_texts_with_names(system: System, metadata: str, places: set[str]) -> None:
    assert wrong_fields(send(system, "orders", changed("orders", metadata=metadata))) == places


@pytest.mark.parametrize(
    ("movement", "places"),
    [
        ({}, {"/type"}),
        ({"type": "receive"}, {"/quantity"}),
        ({"type": "receive", "quantity": 0}, {"/quantity"}),
        ({"type": "adjust"}, {"/quantity"}),
        ({"type": "adjust", "quantity": 0}, {"/quantity"}),
        ({"type": "adjust", "quantity": -(2**31)}, {"/quantity"}),
        ({"type": "adjust", "quantity": 2**31}, {"/quantity"}),
        ({"type": "adjust", "quantity": 0.5}, {"/quantity"}),
        ({"type": "count"}, {"/onHand"}),
        ({"type": "count", "onHand": -1}, {"/onHand"}),
        ({"type": "count", "onHand": 5, "quantity": 5}, {"/quantity"}),
        ({"type": "transfer", "quantity": 5}, {"/fromLocationId", "/toLocationId"}),
        ({"type": "transfer", "quantity": 5, "fromLocationId": "main", "toLocationId": "main"}, {"/toLocationId"}),
        (
            {"type": "transfer", "quantity": 5, "fromLocationId": "a/b", "toLocationId": "a" * 65},
            {"/fromLocationId", "/toLocationId"},
        ),
    ],
)
def test_a_movement_has_what_its_type_needs(system: System, movement: dict[str, Any], places: set[str]) -> None:
    assert wrong_fields(send(system, MOVE, movement)) == places


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (TEA | {"lines": [TEA]}, {"/productId", "/quantity"}),
        (TEA | {"lines": []}, {"/lines", "/productId", "/quantity"}),
        ({"quantity": 5}, {"/productId"}),
        ({"productId": "tea"}, {"/quantity"}),
        ({}, {"/productId", "/quantity"}),
    ],
)
def test_an_order_has_one_form_and_not_both(system: System, body: dict[str, Any], places: set[str]) -> None:
    assert wrong_fields(send(system, "orders", {"customerId": "cust-456"} | body)) == places


def test_what_is_told_of_many_wrong_lines_is_of_sensible_length(system: System) -> None:
    lines = [{"productId": "x" * 200, "quantity": -1, "size": 1}] * 100
    response = send(system, "orders", {"customerId": "c", "lines": lines})
    assert len(wrong_fields(response)) >= 10
    assert len(response.content) < 10_000
