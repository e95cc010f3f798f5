"""Requests that are wrong before anybody reads a body: path, method, parameters, or not HTTP at all."""

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
        ("GET", "/api/gateway/orders", {"POST"}),
        ("PUT", "/api/gateway/orders", {"POST"}),
        ("DELETE", f"/api/gateway/orders/{UNKNOWN}", {"GET"}),
        ("POST", "/api/gateway/stock/tea", {"GET", "PUT"}),
        ("PATCH", "/api/gateway/stock/tea", {"GET", "PUT"}),
        ("TRACE", "/api/gateway/stock/tea", {"GET", "PUT"}),
        ("POST", "/health/live", {"GET"}),
    ],
)
def test_a_method_that_a_path_does_not_have_is_answered_with_those_it_has(
    system: System, method: str, path: str, allowed: set[str]
) -> None:
    response = request(system, method, path)
    problem(response, 405)
    assert allowed <= set(response.headers["allow"].split(", ")) <= allowed | {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    "product_id",
    ["%00", "tea%00", "%0a", "%7f", "%ff", "%c3%28", "%ed%a0%80", "x" * 129, "x" * 20_000, quote("日") * 129],
)
def test_a_product_id_in_the_path_is_bound_by_the_same_rules_as_in_a_body(
    system: System, method: str, product_id: str
) -> None:
    assert wrong_fields(request(system, method, f"/api/gateway/stock/{product_id}")) == {"productId"}


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


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x00\x01\x02\xff\r\n\r\n", id="bytes"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(b"EHLO onhand\r\n\r\n", id="SMTP"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", id="HTTP of the future"),
        pytest.param(GET_STOCK % b"\xff", id="raw byte in the path"),
        pytest.param(POST_ORDER + b"Content-Length: -1\r\n\r\n{}", id="negative length"),
        pytest.param(POST_ORDER + b"Content-Length: two\r\n\r\n{}", id="length in words"),
        pytest.param(POST_ORDER + b"Content-Length: 99999999999999999999999\r\n\r\n{}", id="absurd length"),
        pytest.param(POST_ORDER + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", id="broken chunk"),
        pytest.param(POST_ORDER + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", id="two lengths"),
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(system: System, data: bytes) -> None:
    assert send(system, data).startswith(b"HTTP/1.1 400 ")


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
