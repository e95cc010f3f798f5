"""Bodies that are not what they should be: refused with the reason, field by field, and without any effect."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.problems import problem, wrong_fields
from tests.e2e.system import System

pytestmark = pytest.mark.usefixtures("nothing_changes")

JSON = {"content-type": "application/json"}
GOOD = {"productId": "tea", "quantity": 5, "customerId": "cust-456"}
LONGEST_BODY = 256 * 1024


def post(system: System, body: bytes | str, content_type: str = "application/json") -> httpx.Response:
    return system.client.post("/api/gateway/orders", content=body, headers={"content-type": content_type})


def post_fields(system: System, **changes: str) -> httpx.Response:
    """Post an order whose fields are replaced by pieces of JSON."""
    fields = {name: json.dumps(value) for name, value in GOOD.items()} | changes
    return post(system, "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="truncated object"),
        pytest.param(b'{"productId": "te', id="truncated string"),
        pytest.param(json.dumps(GOOD).encode()[:-1], id="truncated at the end"),
        pytest.param(json.dumps(GOOD).encode() * 2, id="two bodies"),
        pytest.param(json.dumps(GOOD).encode() + b"\0", id="NUL at the end"),
        pytest.param(json.dumps(GOOD).encode("utf-16"), id="UTF-16"),
        pytest.param(json.dumps(GOOD).encode("utf-16-le"), id="UTF-16 without BOM"),
        pytest.param(json.dumps(GOOD).encode("utf-8-sig"), id="UTF-8 with BOM"),
        pytest.param(b'{"productId": "\xff", "quantity": 5, "customerId": "c"}', id="invalid UTF-8"),
        pytest.param(b'{"productId": "\xed\xa0\x80", "quantity": 5, "customerId": "c"}', id="surrogate in UTF-8"),
        pytest.param(b'{"productId": "a\nb", "quantity": 5, "customerId": "c"}', id="raw control character"),
        pytest.param(b'{"productId": "\\x", "quantity": 5, "customerId": "c"}', id="unknown escape"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b'{"productId": "tea", "quantity": NaN, "customerId": "c"}', id="NaN as quantity"),
        pytest.param(b'{"productId": "tea", "quantity": Infinity, "customerId": "c"}', id="Infinity as quantity"),
        pytest.param(b'{"productId": "tea", "quantity": 05, "customerId": "c"}', id="leading zero"),
        pytest.param(b"{'productId': 'tea'}", id="single quotes"),
        pytest.param(b"[" * 100_000, id="deeply nested arrays"),
        pytest.param(b'{"a":' * 50_000, id="deeply nested objects"),
        pytest.param(b"productId=tea&quantity=5&customerId=c", id="a form"),
    ],
)
def test_a_body_that_is_not_json_is_malformed(system: System, body: bytes) -> None:
    assert problem(post(system, body), 400)["type"] == "urn:onhand:problem:malformed-body"
    problem(system.client.put("/api/gateway/stock/tea", content=body, headers=JSON), 400)


@pytest.mark.parametrize("body", ["[]", "null", "1", '"tea"', "true", "1e400", f"[{json.dumps(GOOD)}]"])
def test_a_body_that_is_not_an_object_is_refused_as_a_whole(system: System, body: str) -> None:
    assert wrong_fields(post(system, body)) == {""}


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "application/problem+json", "json"],
)
def test_a_body_of_another_type_is_not_read(system: System, content_type: str) -> None:
    problem(post(system, json.dumps(GOOD), content_type), 415)
    problem(system.client.put("/api/gateway/stock/tea", content='{"onHand": 1}'), 415)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json;"])
def test_json_may_be_declared_in_any_usual_way(system: System, content_type: str) -> None:
    assert wrong_fields(post(system, "{}", content_type)) == {"/productId", "/quantity", "/customerId"}


@pytest.mark.parametrize(
    "quantity",
    [
        *("0", "-1", "-0", "2147483648", "-2147483649", "9223372036854775808", "18446744073709551616"),
        *("1.5", "5.0", "5e0", "0.1", "1e400", "-1e400", "1e-400"),
        *("true", "false", "null", '"5"', '""', "[]", "[5]", "{}"),
        pytest.param("9" * 10_000, id="10000 digits"),
        pytest.param("-" + "9" * 10_000, id="minus 10000 digits"),
        pytest.param("9" * 10_000 + ".5", id="10000 digits and a fraction"),
    ],
)
def test_a_quantity_that_is_not_a_whole_positive_integer_is_refused(system: System, quantity: str) -> None:
    assert wrong_fields(post_fields(system, quantity=quantity)) == {"/quantity"}


@pytest.mark.parametrize("field", ["productId", "customerId"])
@pytest.mark.parametrize(
    "identifier",
    [
        *('""', "1", "null", "true", "[]", "{}", '["tea"]'),
        *(r'"\u0000"', r'"te\u0000a"', r'"\u0007"', r'"te\na"', r'"\u001f"', r'"\u007f"'),
        *(r'"\ud800"', r'"\udc00"', r'"te\udfffa"', r'"\udc00\ud800"'),
        *('"te/a"', r'"te\/a"', '"/"'),
        pytest.param(json.dumps("x" * 129), id="129 characters"),
        pytest.param(json.dumps("x" * 200_000), id="200000 characters"),
    ],
)
def test_an_id_that_is_not_a_short_printable_text_is_refused(system: System, field: str, identifier: str) -> None:
    assert wrong_fields(post_fields(system, **{field: identifier})) == {f"/{field}"}


@pytest.mark.parametrize("missing", GOOD)
def test_a_missing_field_is_named(system: System, missing: str) -> None:
    assert wrong_fields(post(system, json.dumps({k: v for k, v in GOOD.items() if k != missing}))) == {f"/{missing}"}


@pytest.mark.parametrize(
    ("name", "pointer"),
    [
        ("discount", "/discount"),
        ("product_id", "/product_id"),
        ("productid", "/productid"),
        ("", "/"),
        ("a/b~c", "/a~1b~0c"),
        (r"\u0000", "/\0"),
        (r"\ud800", r"/\ud800"),
        ("__proto__", "/__proto__"),
    ],
)
def test_a_field_nobody_knows_is_named(system: System, name: str, pointer: str) -> None:
    assert wrong_fields(post_fields(system, **{name: "1"})) == {pointer}


def test_everything_that_is_wrong_is_told_at_once(system: System) -> None:
    response = post(system, r'{"productId": "", "quantity": 0, "size": 1, "\udfff": {}}')
    assert wrong_fields(response) == {"/productId", "/quantity", "/customerId", "/size", r"/\udfff"}


def test_a_body_with_very_many_unknown_fields_gets_an_answer_of_sensible_length(system: System) -> None:
    response = post_fields(system, **{f"{number:x}" * 50: "1" for number in range(500)})
    assert len(wrong_fields(response)) >= 10
    assert len(response.content) < 10_000


@pytest.mark.parametrize("on_hand", ["-1", "1.0", "2147483648", '"1"', "true", "null", "9" * 5_000])
def test_stock_that_cannot_be_on_hand_is_refused(system: System, on_hand: str) -> None:
    body = f'{{"onHand": {on_hand}, "reserved": 3}}'
    response = system.client.put("/api/gateway/stock/tea", content=body, headers=JSON)
    assert wrong_fields(response) == {"/onHand", "/reserved"}


def chunks(total: int) -> Iterator[bytes]:
    """A body sent without saying how long it will be."""
    yield b'{"productId": "'
    for _ in range(total // 4096):
        yield b"x" * 4096
    yield b'"}'


@pytest.mark.parametrize("length", [LONGEST_BODY + 1, 2 * LONGEST_BODY, 20 * LONGEST_BODY])
def test_a_body_that_is_too_long_is_refused(system: System, length: int) -> None:
    problem(post(system, b"[" + b" " * (length - 2) + b"]"), 413)
    response = system.client.post("/api/gateway/orders", content=chunks(length), headers=JSON)
    problem(response, 413)


def test_a_body_of_exactly_the_longest_length_is_read(system: System) -> None:
    body = json.dumps(GOOD | {"quantity": 0}).encode()
    assert wrong_fields(post(system, body + b" " * (LONGEST_BODY - len(body)))) == {"/quantity"}


def test_a_body_in_chunks_is_read_like_any_other(system: System) -> None:
    content: Any = iter([b'{"productId": "tea", "quant', b'ity": 0, "customerId": ', b'"c"}'])
    assert wrong_fields(system.client.post("/api/gateway/orders", content=content, headers=JSON)) == {"/quantity"}
