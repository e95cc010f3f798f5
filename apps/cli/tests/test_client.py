import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from onhand.cli.main import app

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


class Answering(BaseHTTPRequestHandler):
    server: Gateway

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if self.parse_request():
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.server.asked.append((self.command, self.path, json.loads(body) if body else None))
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
def run(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `onhand` with arguments; returns its exit code, output and errors."""
    monkeypatch.setenv("ONHAND_URL", f"http://127.0.0.1:{gateway.server_port}")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["onhand", *arguments])
        with pytest.raises(SystemExit) as ended:
            app()
        out, errors = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, out, errors

    return run


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


@pytest.mark.parametrize(
    ("arguments", "request_made"),
    [
        (["orders", "get", "0199"], ("GET", "/api/gateway/orders/0199", None)),
        (["stock", "set", "123", "10"], ("PUT", "/api/gateway/stock/123", {"onHand": 10})),
        (["stock", "get", "a/b ?ü"], ("GET", "/api/gateway/stock/a%2Fb%20%3F%C3%BC", None)),
        (["stock", "get", "123", "--quantity", "0"], ("GET", "/api/gateway/stock/123?quantity=0", None)),
    ],
)
def test_each_command_asks_the_gateway(
    gateway: Gateway, run: Run, arguments: list[str], request_made: tuple[str, str, object]
) -> None:
    assert run(*arguments)[0] == 0
    assert gateway.asked == [request_made]


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
    assert (code, out) == (1, "")
    assert (
        errors == f"onhand: http://127.0.0.1:{gateway.server_port}/api/gateway/orders/0199 answered 502 Bad Gateway\n"
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "http://[", ""])
def test_a_gateway_that_is_not_there_is_told_in_one_line(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "1")
    code, _, errors = run("stock", "get", "123", "--url", url)
    assert code == 1
    assert errors == f"onhand: no gateway at {url or 'http://127.0.0.1:1'}: is it running? `onhand start` starts it\n"


@pytest.mark.parametrize("words", [["\udcff"], ["--quantity", "many"], []])
def test_what_is_not_a_request_is_refused_in_words(run: Run, words: list[str]) -> None:
    code, _, errors = run("stock", "set", *words)
    assert code == 2
    assert "Traceback" not in errors


def test_text_that_is_not_unicode_is_refused_in_words(gateway: Gateway, run: Run) -> None:
    code, _, errors = run("orders", "create", "--product", "\udcff", "--quantity", "1", "--customer", "c")
    assert (code, errors) == (1, "onhand: an argument is not valid UTF-8\n")
    assert gateway.asked == []
