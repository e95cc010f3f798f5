"""Requests that are wrong before anybody reads a body: path, method, parameters, or not HTTP at all."""

import json
import socket
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.problems import problem, wrong_fields
from tests.e2e.system import System

UNKNOWN = "01a206cd-427d-77a1-8aa6-7ee7769e5ae9"
"""An id that no order has."""

pytestmark = pytest.mark.usefixtures("nothing_changes")

GET_STOCK = b"GET /api/gateway/stock/%s HTTP/1.1\r\nHost: onhand\r\n\r\n"
POST_ORDER = b"POST /api/gateway/orders HTTP/1.1\r\nHost: onhand\r\nContent-Type: application/json\r\n"


def request(system: System, method: str, path: str) -> httpx.Response:
    """Send a path exactly as it is."""
    url = httpx.URL(system.url("gateway")).copy_with(raw_path=path.encode())
    return system.client.request(method, url, json={"onHand": 7} if method == "PUT" else None)


def send(system: System, data: bytes, *, hang_up: bool = False) -> bytes:
    """Send bytes and return everything that is answered until the connection is closed."""
    with socket.create_connection(("127.0.0.1", system.ports["gateway"]), timeout=10) as connection:
        connection.sendall(data)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "path",
    [
        f"/api/gateway/orders/{UNKNOWN}",
        "/api/gateway/orders/order-789",
        "/api/gateway/orders/0199f0c2-0000-7000-8000-00000000000g",
        "/api/gateway/orders/%00",
        "/api/gateway/orders/%ff",
        "/api/gateway/orders/" + "1" * 5_000,
        "/api/gateway/stock/nobody-knows-it",
        "/api/gateway/stock/nobody-knows-it/explain",
        "/api/gateway/products/nobody-knows-it",
        f"/api/gateway/orders/{UNKNOWN}/events",
        "/api/gateway/orders/%00/events",
        f"/api/gateway/orders/{UNKNOWN}/nothing",
        f"/api/gateway/reservations/{UNKNOWN}",
        "/api/gateway/reservations/cart",
        "/api/gateway/reservations/%ff",
        "/api/gateway/stock/a/b",
        "/api/gateway/stock/a%2fb",
        "/api/gateway/nothing",
        "/api/gateway",
        "/%00",
        "/%ff",
        "/",
    ],
)
def test_what_is_not_there_is_not_found(system: System, path: str) -> None:
    problem(request(system, "GET", path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/gateway/orders", {"GET", "POST"}),
        ("POST", "/api/gateway/stock", {"GET"}),
        ("DELETE", f"/api/gateway/orders/{UNKNOWN}", {"GET"}),
        ("POST", "/api/gateway/stock/tea", {"GET", "PUT"}),
        ("PATCH", "/api/gateway/stock/tea", {"GET", "PUT"}),
        ("TRACE", "/api/gateway/stock/tea", {"GET", "PUT"}),
        ("GET", f"/api/gateway/orders/{UNKNOWN}/cancel", {"POST"}),
        ("GET", f"/api/gateway/orders/{UNKNOWN}/fulfilments", {"POST"}),
        ("DELETE", f"/api/gateway/orders/{UNKNOWN}/returns", {"POST"}),
        ("POST", f"/api/gateway/orders/{UNKNOWN}/events", {"GET"}),
        ("GET", "/api/gateway/stock/tea/movements", {"POST"}),
        ("GET", "/api/gateway/stock/tea/incoming", {"POST"}),
        ("DELETE", f"/api/gateway/stock/tea/incoming/{UNKNOWN}", {"GET", "PUT"}),
        ("POST", "/api/gateway/incoming", {"GET"}),
        ("POST", "/api/gateway/stock/tea/explain", {"GET"}),
        ("GET", "/api/gateway/reservations", {"POST"}),
        ("PUT", f"/api/gateway/reservations/{UNKNOWN}", {"GET", "DELETE"}),
        ("DELETE", f"/api/gateway/reservations/{UNKNOWN}/extend", {"POST"}),
        ("POST", "/api/gateway/products", {"GET"}),
        ("POST", "/api/gateway/products/tea", {"GET", "PUT"}),
        ("POST", "/api/gateway/locations", {"GET"}),
        ("GET", "/api/gateway/locations/main", {"PUT"}),
        ("POST", "/health/live", {"GET"}),
    ],
)
def test_a_method_that_a_path_does_not_have_is_answered_with_those_it_has(
    system: System, method: str, path: str, allowed: set[str]
) -> None:
    response = request(system, method, path)
    problem(response, 405)
    assert allowed <= set(response.headers["allow"].split(", ")) <= allowed | {"HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "stock/{}"),
        ("PUT", "stock/{}"),
        ("GET", "stock/{}/explain"),
        ("POST", "stock/{}/movements"),
        ("POST", "stock/{}/incoming"),
        ("GET", f"stock/{{}}/incoming/{UNKNOWN}"),
        ("PUT", f"stock/{{}}/incoming/{UNKNOWN}"),
        ("GET", "products/{}"),
        ("PUT", "products/{}"),
    ],
)
@pytest.mark.parametrize(
    "product_id",
    ["%00", "tea%00", "%0a", "%7f", "%ff", "%c3%28", "%ed%a0%80", "x" * 129, "x" * 20_000, quote("日") * 129],
)
def test_a_product_id_in_the_path_is_bound_by_the_same_rules_as_in_a_body(
    system: System, method: str, path: str, product_id: str
) -> None:
    assert wrong_fields(request(system, method, f"/api/gateway/{path.format(product_id)}")) == {"productId"}


@pytest.mark.parametrize("location_id", ["%00", "%0a", "%7f", "%ff", "%ed%a0%80", "x" * 65, quote("日") * 65])
def test_a_location_id_in_the_path_is_bound_by_the_same_rules_as_in_a_body(system: System, location_id: str) -> None:
    assert wrong_fields(request(system, "PUT", f"/api/gateway/locations/{location_id}")) == {"locationId"}


@pytest.mark.parametrize("incoming_id", ["next", "%00", "%ff", UNKNOWN + "0", "1" * 5_000])
def test_an_incoming_id_in_the_path_is_a_uuid(system: System, incoming_id: str) -> None:
    path = f"/api/gateway/stock/tea/incoming/{incoming_id}"
    for method in ("GET", "PUT"):
        assert wrong_fields(request(system, method, path)) == {"incomingId"}


@pytest.mark.parametrize(
    "quantity",
    [
        "0",
        "-1",
        "abc",
        "",
        "1.5",
        "2147483648",
        "9" * 5_000,
        "true",
        "null",
        "5,5",
        "%205",
        "%00",
        "%ff",
        "0x5",
        "%D9%A3",
        "1&quantity=2",
        "1&quantity=1",
        "&quantity=1",
    ],
)
def test_a_quantity_to_check_that_makes_no_sense_is_refused(system: System, quantity: str) -> None:
    assert wrong_fields(request(system, "GET", f"/api/gateway/stock/tea?quantity={quantity}")) == {"quantity"}


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "", "all", "1.5", "9" * 5_000, "%00", "%ff", "1&limit=1"])
def test_a_limit_that_makes_no_sense_is_refused(system: System, limit: str) -> None:
    assert wrong_fields(request(system, "GET", f"/api/gateway/stock/tea/explain?limit={limit}")) == {"limit"}


@pytest.mark.parametrize(
    "moment",
    [
        *("", "now", "2026-11-25", "2026-11-25T09:30:00", "2026-02-30T09:30:00Z", "1764576000", "%00", "%ff"),
        *("0001-01-01T00:00:00%2B14:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "9" * 5_000),
        "2026-11-25T09:30:00Z&at=2026-11-25T09:30:00Z",
    ],
)
def test_a_moment_that_makes_no_sense_is_refused(system: System, moment: str) -> None:
    assert wrong_fields(request(system, "GET", f"/api/gateway/stock/tea/explain?at={moment}")) == {"at"}


def test_an_explanation_of_something_else_is_refused(system: System) -> None:
    path = "/api/gateway/stock/tea/explain?limit=1&until=now&cursor=1"
    assert wrong_fields(request(system, "GET", path)) == {"until", "cursor"}


@pytest.mark.parametrize(
    "path",
    [
        "orders",
        f"orders/{UNKNOWN}/cancel",
        f"orders/{UNKNOWN}/fulfilments",
        f"orders/{UNKNOWN}/returns",
        "stock/tea/movements",
        "stock/tea/incoming",
        "reservations",
        f"reservations/{UNKNOWN}/extend",
    ],
)
@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "Idempotency-Key",
            [b"", b'""', b'"open', b"two words", b"a,b", b"\xff", b"x" * 256, b'"' + b"x" * 256 + b'"'],
        ),
        ("X-Actor", [b"", b"\xff", b"a\tb", b"\xe2\x80\xa8", b"x" * 129]),
    ],
)
def test_a_header_that_makes_no_sense_is_malformed(system: System, path: str, name: str, values: list[bytes]) -> None:
    for value in values:
        headers = {b"Content-Type": b"application/json", name.encode(): value}
        refused = problem(system.client.post(f"/api/gateway/{path}", content="{}", headers=headers), 400)
        assert refused["type"] == "urn:onhand:problem:malformed-header"
        assert name in refused["detail"]


@pytest.mark.parametrize("name", [b"Idempotency-Key", b"X-Actor"])
def test_a_header_that_comes_twice_is_malformed(system: System, name: bytes) -> None:
    length = b"Content-Length: 2\r\nConnection: close\r\n"
    answer = send(system, POST_ORDER + length + (name + b": a\r\n") * 2 + b"\r\n{}")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"malformed-header" in answer


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x00\x01\x02\xff\r\n\r\n", id="bytes"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(b"EHLO onhand\r\n\r\n", id="SMTP"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", id="HTTP of the future"),
        pytest.param(b"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", id="unknown method"),
        pytest.param(GET_STOCK % b"\xff", id="raw byte in the path"),
        pytest.param(POST_ORDER + b"Content-Length: -1\r\n\r\n{}", id="negative length"),
        pytest.param(POST_ORDER + b"Content-Length: two\r\n\r\n{}", id="length in words"),
        pytest.param(POST_ORDER + b"Content-Length: 99999999999999999999999\r\n\r\n{}", id="absurd length"),
        pytest.param(POST_ORDER + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", id="broken chunk"),
        pytest.param(POST_ORDER + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", id="two lengths"),
    ],
)
def test_what_is_not_http_is_a_problem_and_the_connection_closed(system: System, data: bytes) -> None:
    head, _, body = send(system, data).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"\r\ncontent-type: application/problem+json" in head.lower()
    assert json.loads(body)["status"] == 400


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /api/gateway/sto", id="half a line"),
        pytest.param(POST_ORDER, id="half of the headers"),
        pytest.param(POST_ORDER + b'Content-Length: 100\r\n\r\n{"productId":', id="half a body"),
        pytest.param(POST_ORDER + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", id="no last chunk"),
    ],
)
def test_a_client_that_hangs_up_in_the_middle_gets_nothing_done(system: System, data: bytes) -> None:
    assert send(system, data, hang_up=True) == b""


def test_requests_sent_in_one_go_are_answered_in_their_order(system: System) -> None:
    last = GET_STOCK.replace(b"Host", b"Connection: close\r\nHost") % b"third"
    answer = send(system, GET_STOCK % b"first" + GET_STOCK % b"second%00" + last)
    first, second, third = answer.split(b"HTTP/1.1 ")[1:]
    assert (first[:3], second[:3], third[:3]) == (b"404", b"422", b"404")
    assert b"first" in first
    assert b"third" in third
