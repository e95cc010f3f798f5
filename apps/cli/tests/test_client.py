import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

ORDER = b'{"orderId":"0199","productId":"[red]123","quantity":5,"status":"pending"}'
PROBLEM = json.dumps(
    {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The body does not make sense.",
        "errors": [
            {"pointer": "/quantity", "detail": "should be at least 1"},
            {"pointer": "/customerId", "detail": "should not be empty"},
        ],
    }
).encode()

Run = Callable[..., tuple[int, str, str]]


class Gateway(HTTPServer):
    """Answers everything with one answer, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answer = (200, b"{}")
        self.asked: list[tuple[str, str, object]] = []
        self.headers: dict[str, str] = {}


class Answering(BaseHTTPRequestHandler):
    server: Gateway

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if self.parse_request():
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.server.asked.append((self.command, self.path, json.loads(body) if body else None))
            self.server.headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = self.server.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run(gateway: Gateway, typed: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `onhand` with arguments; returns its exit code, output and errors."""
    monkeypatch.setenv("ONHAND_URL", f"http://127.0.0.1:{gateway.server_port}")
    return typed


def test_creating_an_order_sends_it_and_shows_the_answer_as_a_table(gateway: Gateway, run: Run) -> None:
    gateway.answer = (201, ORDER)
    code, out, _ = run("orders", "create", "--product", "[red]123", "--quantity", "5", "--customer", "cust-456")
    body = {"productId": "[red]123", "quantity": 5, "customerId": "cust-456"}
    assert gateway.asked == [("POST", "/api/gateway/orders", body)]
    assert [line.split() for line in out.splitlines()] == [
        ["orderId", "0199"],
        ["productId", "[red]123"],
        ["quantity", "5"],
        ["status", "pending"],
    ]
    assert code == 0


LINES = [{"productId": "a=b", "quantity": 2}, {"productId": "jam", "quantity": 1}]


@pytest.mark.parametrize(
    ("command", "method", "path", "body"),
    [
        (
            "orders create --customer c -l a=b=2 --line jam=1 --policy backorder --reservation 1 --reference r "
            "--metadata channel=web --metadata note=",
            "POST",
            "orders",
            {"customerId": "c", "lines": LINES, "policy": "backorder", "reservationId": "1", "reference": "r"}
            | {"metadata": {"channel": "web", "note": ""}},
        ),
        ("orders get 0199", "GET", "orders/0199", None),
        ("orders timeline 0199", "GET", "orders/0199/events", None),
        ("orders cancel 0199", "POST", "orders/0199/cancel", {}),
        ("orders cancel 0199 --reason why", "POST", "orders/0199/cancel", {"reason": "why"}),
        ("orders fulfil 0199", "POST", "orders/0199/fulfilments", {}),
        (
            "orders fulfil 0199 --line a=b=2 --line jam=1 --reference r",
            "POST",
            "orders/0199/fulfilments",
            {"lines": LINES, "reference": "r"},
        ),
        ("orders return 0199", "POST", "orders/0199/returns", {"restock": True}),
        (
            "orders return 0199 --line a=b=2 --line jam=1 --no-restock --reason why",
            "POST",
            "orders/0199/returns",
            {"lines": LINES, "restock": False, "reason": "why"},
        ),
        ("stock set 123 10", "PUT", "stock/123", {"onHand": 10}),
        ("stock set 123 10 --location shop", "PUT", "stock/123", {"onHand": 10, "locationId": "shop"}),
        ("stock get a/b?ü", "GET", "stock/a%2Fb%3F%C3%BC", None),
        ("stock get 123 --quantity 0", "GET", "stock/123?quantity=0", None),
        ("stock explain 123", "GET", "stock/123/explain", None),
        (
            "stock explain 123 --at 2026-11-24T08:30+01:00 --limit 7",
            "GET",
            "stock/123/explain?at=2026-11-24T07%3A30%3A00%2B00%3A00&limit=7",
            None,
        ),
        (
            "stock receive 123 20 --location shop --incoming 1 --reason why --reference r",
            "POST",
            "stock/123/movements",
            {"type": "receive", "quantity": 20, "locationId": "shop", "incomingId": "1", "reason": "why"}
            | {"reference": "r"},
        ),
        ("stock adjust 123 -2", "POST", "stock/123/movements", {"type": "adjust", "quantity": -2}),
        ("stock count 123 98", "POST", "stock/123/movements", {"type": "count", "onHand": 98}),
        (
            "stock transfer 123 10 --from main --to shop",
            "POST",
            "stock/123/movements",
            {"type": "transfer", "quantity": 10, "fromLocationId": "main", "toLocationId": "shop"},
        ),
        (
            "stock expect 123 20 --at 2026-12-01T00:00Z",
            "POST",
            "stock/123/incoming",
            {"quantity": 20, "expectedAt": "2026-12-01T00:00:00+00:00"},
        ),
        (
            "stock expect 123 20 --at 2026-12-01T00:00Z --id 1 --location shop --reference r",
            "PUT",
            "stock/123/incoming/1",
            {"quantity": 20, "expectedAt": "2026-12-01T00:00:00+00:00", "locationId": "shop", "reference": "r"},
        ),
        ("stock incoming 123 1", "GET", "stock/123/incoming/1", None),
        (
            "holds create -l a=b=2 -l jam=1 --ttl 60 --reference r",
            "POST",
            "reservations",
            {"lines": LINES, "ttlSeconds": 60, "reference": "r"},
        ),
        ("holds get 0199", "GET", "reservations/0199", None),
        ("holds extend 0199 --ttl 60", "POST", "reservations/0199/extend", {"ttlSeconds": 60}),
        ("holds release 0199", "DELETE", "reservations/0199", None),
        (
            "products set 123 --name Tea --low-stock 5 --safety-stock 2 --no-backorderable",
            "PUT",
            "products/123",
            {"name": "Tea", "lowStockThreshold": 5, "safetyStock": 2, "backorderable": False},
        ),
        ("products get 123", "GET", "products/123", None),
        ("locations set shop", "PUT", "locations/shop", {"priority": 100}),
        ("locations set shop --name Shop --priority 1", "PUT", "locations/shop", {"name": "Shop", "priority": 1}),
        ("locations list", "GET", "locations", None),
    ],
)
def test_each_command_asks_the_gateway(
    gateway: Gateway, run: Run, command: str, method: str, path: str, body: object
) -> None:
    assert run(*command.split()) == (0, "", "")
    assert gateway.asked == [(method, f"/api/gateway/{path}", body)]
    assert not {"x-actor", "idempotency-key"} & gateway.headers.keys()


@pytest.mark.parametrize(
    "command",
    [
        "orders create --customer c --line a=1",
        "orders cancel 0199",
        "orders fulfil 0199",
        "orders return 0199",
        "stock receive 123 1",
        "stock adjust 123 1",
        "stock count 123 1",
        "stock transfer 123 1 --from a --to b",
        "stock expect 123 1 --at 2026-12-01",
        "holds create --line a=1 --ttl 60",
    ],
)
def test_a_command_may_be_given_a_key_and_say_who_wants_it(gateway: Gateway, run: Run, command: str) -> None:
    assert run(*command.split(), "--idempotency-key", 'my "key"\\', "--actor", "Zoë")[0] == 0
    assert gateway.headers["idempotency-key"] == '"my \\"key\\"\\\\"'
    assert gateway.headers["x-actor"].encode("latin-1").decode() == "Zoë"


@pytest.mark.parametrize(
    "command",
    [
        "orders create --customer c",
        "orders create --customer c --product a",
        "orders create --customer c --product a --quantity 1 --line b=1",
        "orders create --customer c --quantity 1 --line b=1",
        "orders create --customer c --line b",
        "orders create --customer c --line b=many",
        "orders create --customer c --line b=1 --metadata x",
        "orders create --customer c --line b=1 --metadata x=1 --metadata x=2",
        "orders create --customer c --line b=1 --policy perhaps",
        "orders fulfil 0199 --line 5",
        "stock explain 123 --at yesterday",
        "stock expect 123 5 --at 2h",
        "stock adjust 123 --less",
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_sent(gateway: Gateway, run: Run, command: str) -> None:
    code, out, errors = run(*command.split())
    assert (code, out) == (2, "")
    assert errors
    assert "Traceback" not in errors
    assert gateway.asked == []


def test_lists_in_an_answer_are_shown_as_tables(gateway: Gateway, run: Run) -> None:
    line = {"productId": "123", "ordered": 5, "reserved": 3}
    order = {"orderId": "0199", "metadata": {"a": "b"}, "events": [], "lines": [line, line | {"promisedAt": "soon"}]}
    gateway.answer = (200, json.dumps(order).encode())
    _, out, _ = run("orders", "get", "0199")
    assert [row.split() for row in out.splitlines() if row.strip()] == [
        ["orderId", "0199"],
        ["metadata", '{"a":"b"}'],
        ["lines"],
        ["productId", "ordered", "reserved", "promisedAt"],
        ["123", "5", "3"],
        ["123", "5", "3", "soon"],
    ]


def test_whether_there_is_enough_is_told_by_yes_or_no(gateway: Gateway, run: Run) -> None:
    gateway.answer = (200, b'{"inStock":true}')
    assert run("stock", "get", "123", "--quantity", "5")[1].split() == ["inStock", "yes"]


def test_json_prints_the_answer_as_it_came(gateway: Gateway, run: Run) -> None:
    gateway.answer = (200, ORDER)
    assert run("orders", "get", "0199", "--json") == (0, ORDER.decode() + "\n", "")


def test_each_thing_that_is_wrong_is_told_in_one_line(gateway: Gateway, run: Run) -> None:
    gateway.answer = (422, PROBLEM)
    lines = "onhand: /quantity: should be at least 1\nonhand: /customerId: should not be empty\n"
    order = ("orders", "create", "--product", "123", "--quantity", "0", "--customer", "")
    assert run(*order) == (1, "", lines)
    assert run(*order, "--json") == (1, PROBLEM.decode() + "\n", lines)


def test_a_problem_without_details_is_told_by_its_detail(gateway: Gateway, run: Run) -> None:
    gateway.answer = (404, b'{"title":"Not Found","status":404,"detail":"There is no order 0199."}')
    assert run("orders", "get", "0199") == (1, "", "onhand: There is no order 0199.\n")


def test_an_answer_that_is_not_the_gateways_is_told_in_one_line(gateway: Gateway, run: Run) -> None:
    gateway.answer = (502, b"<html>")
    code, out, errors = run("orders", "get", "0199")
    assert (code, out) == (5, "")
    assert (
        errors == f"onhand: http://127.0.0.1:{gateway.server_port}/api/gateway/orders/0199 answered 502 Bad Gateway\n"
    )


def test_what_there_is_not_enough_of_is_named_with_what_there_is(gateway: Gateway, run: Run) -> None:
    lines = [
        {"productId": "tea", "requested": 1, "available": 5},
        {"productId": "jam", "requested": 9, "available": 2},
    ]
    problem = {"title": "Insufficient stock", "detail": "There is not enough of 1 of 2 products.", "lines": lines}
    gateway.answer = (409, json.dumps(problem).encode())
    code, _, errors = run("holds", "create", "--line", "tea=1", "--line", "jam=9", "--ttl", "60")
    assert code == 1
    assert errors == "onhand: There is not enough of 1 of 2 products.\nonhand: jam: 9 asked for, 2 there\n"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "http://[", ""])
def test_a_gateway_that_is_not_there_is_told_in_one_line(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "1")
    code, _, errors = run("stock", "get", "123", "--url", url)
    assert code == 5
    assert errors == f"onhand: no gateway at {url or 'http://127.0.0.1:1'}: is it running? `onhand start` starts it\n"


@pytest.mark.parametrize(
    ("status", "expected"), [(400, 1), (404, 1), (409, 1), (413, 1), (422, 1), (500, 1), (502, 5), (503, 5), (504, 5)]
)
@pytest.mark.parametrize("command", ["orders get 0199", "orders cancel 0199", "orders list", "orders export"])
def test_the_exit_code_tells_a_refusal_from_no_answer(
    gateway: Gateway, run: Run, command: str, status: int, expected: int
) -> None:
    gateway.answer = (status, b'{"title":"As it is"}')
    assert run(*command.split()) == (expected, "", "onhand: As it is\n")


def test_a_gateway_that_does_not_answer_in_time_is_told_from_a_refusal(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onhand.cli.api.LONGEST_WAIT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code, _, errors = run("stock", "get", "123", "--url", f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert code == 5
    assert "gave no answer (ReadTimeout): what it did is unknown" in errors


@pytest.mark.parametrize("words", [["\udcff"], ["--quantity", "many"], []])
def test_what_is_not_a_request_is_refused_in_words(run: Run, words: list[str]) -> None:
    code, _, errors = run("stock", "set", *words)
    assert code == 2
    assert "Traceback" not in errors


def test_text_that_is_not_unicode_is_refused_in_words(gateway: Gateway, run: Run) -> None:
    code, _, errors = run("orders", "create", "--product", "\udcff", "--quantity", "1", "--customer", "c")
    assert (code, errors) == (2, "onhand: an argument is not valid UTF-8\n")
    assert gateway.asked == []


@pytest.mark.parametrize(("actor", "says"), [("\udcff", "is not valid UTF-8"), ("a\nb", "has control characters")])
def test_a_name_that_cannot_be_sent_is_refused_in_words(gateway: Gateway, run: Run, actor: str, says: str) -> None:
    code, _, errors = run("stock", "get", "123", "--actor", actor)
    assert code == 2
    assert says in errors
    assert gateway.asked == []
