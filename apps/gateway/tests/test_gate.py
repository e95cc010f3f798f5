"""What is too much is refused before anything is paid for it."""

import json
from email.parser import BytesHeaderParser

import msgspec
import pytest

from onhand.common.messaging.presence import Announcement
from onhand.common.messaging.request_reply import Limits, Requests
from onhand.common.messaging.streams import Streams
from onhand.gateway.gate import Gate
from onhand.gateway.live.hub import Live

ORDERS = b"/api/gateway/orders"


def gate(streams: Streams, limits: Limits, backlog: int = 0) -> Gate:
    requests = Requests("gateway", streams, timeout_seconds=1, limits=limits)
    requests.presence.heard(msgspec.json.encode(Announcement("orders", backlog)))
    return Gate(requests, Live(requests, streams, most=9))


def reason(answer: bytes | None) -> str:
    assert answer is not None
    status, _, rest = answer.partition(b"\r\n")
    head, _, body = rest.partition(b"\r\n\r\n")
    headers = BytesHeaderParser().parsebytes(head)
    problem = json.loads(body)
    assert status == b"HTTP/1.1 503 Service Unavailable"
    assert headers["content-type"] == "application/problem+json"
    assert headers["retry-after"] == "1"
    assert int(headers["content-length"]) == len(body)
    assert (problem["type"], problem["status"]) == ("urn:onhand:problem:unavailable", 503)
    return str(problem["detail"])


@pytest.mark.parametrize("method", [b"GET", b"POST", b"PUT"])
async def test_while_too_many_requests_are_under_way_everything_is_refused(streams: Streams, method: bytes) -> None:
    answer = gate(streams, Limits(in_flight=7, backlog=9)).refuse(method, ORDERS, under_way=7)
    assert reason(answer) == "7 requests are under way already. Nothing was done; try again."


async def test_while_too_much_waits_only_changes_are_refused(streams: Streams) -> None:
    behind = gate(streams, Limits(in_flight=9, backlog=9), backlog=10)
    answer = behind.refuse(b"POST", ORDERS, under_way=0)
    assert reason(answer).startswith("more than 9 messages wait to be worked off.")
    assert behind.refuse(b"GET", b"/api/gateway/stock/123", under_way=0) is None


async def test_a_refusal_is_made_once(streams: Streams) -> None:
    full = gate(streams, Limits(in_flight=1, backlog=9))
    first, second = [full.refuse(b"POST", ORDERS, under_way=1) for _ in range(2)]
    assert first is second


async def test_what_is_within_bounds_is_let_in(streams: Streams) -> None:
    open_to_all = gate(streams, Limits(in_flight=1, backlog=10), backlog=10)
    assert open_to_all.refuse(b"POST", ORDERS, under_way=0) is None


async def test_health_and_metrics_are_told_however_much_there_is_to_do(streams: Streams) -> None:
    full = gate(streams, Limits(in_flight=1, backlog=9), backlog=10)
    for target in (b"/health/ready", b"/health/live", b"/metrics"):
        assert full.refuse(b"GET", target, under_way=1) is None
