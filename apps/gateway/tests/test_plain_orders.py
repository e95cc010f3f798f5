"""An order that comes as a plain request is answered as any other would be."""

import asyncio
from email.parser import BytesHeaderParser
from typing import Any, ClassVar, NamedTuple, cast

import httpx
import pytest

from answering import ID, OTHER, Answering
from onhand.common.contracts import LineShortage, OrderReceipt, OrderReplayed, Reply, RequestRefused
from onhand.common.errors import NoReply, Unavailable
from onhand.common.messaging.envelope import Envelope
from onhand.common.messaging.request_reply import Requests
from onhand.common.plain_requests import PlainRequest, head_of_plain, plain_request
from onhand.common.shortcuts import Whole
from onhand.gateway.api import create_app
from onhand.gateway.api.plain_orders import PlainOrders
from onhand.gateway.live.hub import Live
from onhand.gateway.traffic import Traffic

ORDER = b'{"productId":"tea","quantity":2,"customerId":"c"}'
LINES = (
    b'{"customerId":"c","lines":[{"productId":"tea","quantity":1},{"productId":"tea","quantity":1},'
    b'{"productId":"jam","quantity":1}]}'
)
FULL = (
    b'{"productId":"tea","quantity":2,"customerId":"c","policy":"backorder","reference":"r","metadata":{"a":"b"},'
    b'"reservationId":"01a206cd-427d-77a1-8aa6-7ee7769e5aea"}'
)
JSON = b"content-type: application/json\r\n"
SHORT_OF_TEA = RequestRefused(
    code="insufficient-stock",
    detail="Only 1 is there.",
    pointer="/lines/1/quantity",
    lines=(LineShortage(product_id="jam", requested=2, available=1),),
)


class Answered(NamedTuple):
    """An answer, and what was asked for it."""

    status: int
    headers: dict[str, str]
    body: bytes
    asked: list[Any]
    sent_along: list[Any]


@pytest.fixture(autouse=True)
def _the_same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onhand.gateway.api.orders.uuid7", lambda: ID)


def plain(body: bytes, lines: bytes = JSON) -> PlainRequest:
    head = b"POST /api/gateway/orders HTTP/1.1\r\nhost: a\r\n%bcontent-length: %d\r\n\r\n" % (lines, len(body))
    data = head + body
    plain_head = head_of_plain(data)
    assert plain_head is not None
    return plain_request(plain_head, data)


def traffic(answering: Answering) -> Traffic:
    return Traffic(cast("Requests", answering), cast("Live", None))


async def in_short(answering: Answering, request: PlainRequest) -> Answered | None:
    """The answer that comes past ASGI, if any."""
    answer: asyncio.Future[Whole] = asyncio.get_running_loop().create_future()
    orders = PlainOrders(cast("Requests", answering), traffic(answering))
    if orders.shortcut.take(request, answer.set_result) is None:
        assert not answer.done()
        return None
    whole = await asyncio.wait_for(answer, 5)
    lines = BytesHeaderParser().parsebytes(whole.header_lines + b"\r\n")
    headers = {name.lower(): value for name, value in lines.items()}
    return Answered(whole.status, headers, whole.body, answering.asked, [answering.traces, answering.actors])


async def in_full(answering: Answering, request: PlainRequest) -> Answered:
    """The answer that comes from the application."""
    app: Any = create_app(cast("Requests", answering), cast("Live", None))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway") as client:
        headers = [(name, value) for name, value in request.head.headers if name != b"host"]
        response = await client.post(request.head.target.decode(), content=request.body, headers=headers)
    told = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Answered(response.status_code, told, response.content, answering.asked, [answering.traces, answering.actors])


REPLIES = [
    pytest.param(OrderReceipt(order_id=ID, status="pending"), id="created"),
    pytest.param(OrderReplayed(order_id=OTHER, status="confirmed"), id="replayed"),
    pytest.param(RequestRefused(code="reservation-not-found", detail="None."), id="not found"),
    pytest.param(SHORT_OF_TEA, id="conflict"),
    pytest.param(RequestRefused(code="idempotency-key-reused", detail="Reused."), id="key reused"),
    pytest.param(NoReply("no reply within 5 s"), id="no reply"),
    pytest.param(Unavailable("Redis is away"), id="unavailable"),
    pytest.param(KeyError("a bug"), id="bug"),
]


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize(
    "request_",
    [
        plain(ORDER),
        plain(LINES),
        plain(FULL),
        plain(ORDER, b"Content-Type: Application/JSON; charset=utf-8\r\n"),
        plain(
            ORDER,
            JSON
            + b'Idempotency-Key: "k"\r\nX-Actor: ann\r\n'
            + b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
        ),
    ],
    ids=["one product", "lines", "everything", "another content type", "headers"],
)
async def test_it_is_asked_for_and_answered_as_any_other(request_: PlainRequest, reply: Reply | Exception) -> None:
    assert await in_short(Answering(reply), request_) == await in_full(Answering(reply), request_)


async def test_what_fails_after_it_was_sent_is_told() -> None:
    class Refusing(Answering):
        def send(self, *_: object) -> "asyncio.Future[Envelope]":
            failed: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()
            failed.set_exception(Unavailable("Redis refuses"))
            return failed

    answered = await in_short(Refusing(SHORT_OF_TEA), plain(ORDER))
    assert answered is not None
    assert (answered.status, answered.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    "request_",
    [
        plain(ORDER, b""),
        plain(ORDER, b"content-type: text/plain\r\n"),
        plain(ORDER, JSON + b"prefer: wait=1\r\n"),
        plain(ORDER, JSON + b"idempotency-key: a b\r\n"),
        plain(ORDER, JSON + b"x-actor: a\r\nx-actor: b\r\n"),
        plain(b"", JSON),
        plain(b"{", JSON),
        plain(b"\xff", JSON),
        plain(b"{}", JSON),
        plain(ORDER.replace(b"2", b"0"), JSON),
        plain(ORDER.replace(b'"c"', b'"\\u0000"'), JSON),
        plain(LINES.replace(b":1", b":2000000000"), JSON),
        plain(ORDER + b" " * 256 * 1024, JSON),
    ],
    ids=lambda request: f"{request.head.headers[1:-1]!r} {request.body[:20]!r}",
)
async def test_what_is_unusual_or_wrong_is_left_to_the_application(request_: PlainRequest) -> None:
    answering = Answering(SHORT_OF_TEA)
    assert await in_short(answering, request_) is None
    assert answering.asked == []


async def test_who_is_not_answered_when_the_process_ends_is_told_that_it_is_not_known() -> None:
    answering = Answering(OrderReceipt(order_id=ID, status="pending"))
    told: asyncio.Future[Whole] = asyncio.get_running_loop().create_future()
    taken = PlainOrders(cast("Requests", answering), traffic(answering)).take(plain(ORDER), told.set_result)
    assert taken is not None
    taken.cancel("stopped")
    response = await asyncio.wait_for(told, 5)
    assert response.status == 504
    assert str(ID).encode() in response.body


async def test_a_gateway_may_die_with_the_reply_and_before_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    points: list[str] = []
    monkeypatch.setattr("onhand.gateway.api.plain_orders.hit", points.append)
    assert await in_short(Answering(NoReply("no reply within 5 s")), plain(ORDER))
    assert points == []
    assert await in_short(Answering(OrderReceipt(order_id=ID, status="pending")), plain(ORDER))
    assert points == ["before_answer"]


async def test_it_is_counted_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([1.0, 3.0] * 3)
    monkeypatch.setattr("onhand.gateway.api.plain_orders.perf_counter", lambda: next(moments))
    counts = []
    for reply in (OrderReceipt(order_id=ID, status="pending"), SHORT_OF_TEA, Unavailable("Redis is away")):
        answering = Answering(reply)
        counted = Traffic(cast("Requests", Silent()), cast("Live", Silent()))
        told: asyncio.Future[Whole] = asyncio.get_running_loop().create_future()
        assert PlainOrders(cast("Requests", answering), counted).take(plain(ORDER), told.set_result) is not None
        await told
        await asyncio.sleep(0)
        counts += [
            (sample.labels, sample.value)
            for metric in counted.collect()
            for sample in metric.samples
            if sample.name == "onhand_requests_total"
        ]
        assert [
            sample.value
            for metric in counted.collect()
            for sample in metric.samples
            if sample.name == "onhand_request_seconds_sum"
        ] == [2.0]
    route = {"route": "/api/gateway/orders", "method": "POST"}
    assert counts == [({**route, "status": status}, 1) for status in ("201", "409", "503")]


class Silent:
    """Nobody listens, and nothing is under way."""

    streaming = dropped = in_flight = 0
    refused: ClassVar[dict[str, int]] = {}
