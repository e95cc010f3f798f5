"""What is too much is refused before anything is paid for it."""

import httpx
import msgspec
import pytest

from onhand.common.messaging.presence import Announcement
from onhand.common.messaging.request_reply import Limits, Requests
from onhand.common.messaging.streams import Streams
from onhand.gateway.api import create_app
from onhand.gateway.gate import Gate

ORDERS = "/api/gateway/orders"
ORDER = {"productId": "123", "quantity": 5, "customerId": "cust-456"}


def gateway(streams: Streams, limits: Limits, backlog: int = 0) -> httpx.AsyncClient:
    requests = Requests("gateway", streams, timeout_seconds=1, limits=limits)
    requests.presence.heard(msgspec.json.encode(Announcement("orders", backlog)))
    app = Gate(create_app(requests), requests)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


def reason(response: httpx.Response) -> str:
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == "1"
    return str(response.json()["detail"])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_while_too_many_requests_are_under_way_everything_is_refused(streams: Streams, method: str) -> None:
    async with gateway(streams, Limits(in_flight=0, backlog=9)) as client:
        response = await client.request(method, ORDERS, json=ORDER)
    assert reason(response) == "0 requests are under way already. Nothing was done; try again."


async def test_while_too_much_waits_only_changes_are_refused(streams: Streams) -> None:
    async with gateway(streams, Limits(in_flight=9, backlog=9), backlog=10) as client:
        refused = await client.post(ORDERS, json=ORDER)
        let_in = await client.get("/api/gateway/stock/123")
    assert reason(refused).startswith("more than 9 messages wait to be worked off.")
    assert reason(let_in).startswith("Redis is away.")  # it was let in, and not further: nobody listens here


async def test_a_refusal_says_the_same_twice(streams: Streams) -> None:
    async with gateway(streams, Limits(in_flight=0, backlog=9)) as client:
        first, second = [await client.post(ORDERS, json=ORDER) for _ in range(2)]
    assert (first.content, first.headers) == (second.content, second.headers)


async def test_what_is_within_bounds_is_answered_by_the_routes(streams: Streams) -> None:
    async with gateway(streams, Limits(in_flight=1, backlog=10), backlog=10) as client:
        assert (await client.post(ORDERS, json={})).status_code == 422
        assert (await client.get("/nowhere")).status_code == 404
