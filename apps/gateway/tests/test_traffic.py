"""What is counted of each request, and what it is told as."""

import httpx
import pytest
from prometheus_client.core import Sample

from onhand.common.messaging.request_reply import Limits, Requests
from onhand.common.messaging.streams import Streams
from onhand.gateway import traffic
from onhand.gateway.api import create_app
from onhand.gateway.live.hub import Live
from onhand.gateway.traffic import Traffic


@pytest.fixture
async def counted(streams: Streams) -> Traffic:
    requests = Requests("gateway", streams, timeout_seconds=1, limits=Limits(1, 1))
    return Traffic(requests, Live(requests, streams, most=1))


def gateway(counted: Traffic, streams: Streams) -> httpx.AsyncClient:
    requests = Requests("gateway", streams, timeout_seconds=1, limits=Limits(1, 1))
    app = create_app(requests, Live(requests, streams, most=1))
    app.add_middleware(counted)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Falcon has narrower types for the same
    return httpx.AsyncClient(transport=transport, base_url="http://gateway")


def told(counted: Traffic, name: str) -> list[Sample]:
    return [sample for metric in counted.collect() for sample in metric.samples if sample.name == name]


async def test_durations_are_told_up_to_each_bound_and_as_a_sum_over_all_answers_of_a_route(
    streams: Streams, counted: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([0.0, 0.005, 1.0, 1.3, 10.0, 17.0, 20.0, 20.02])
    monkeypatch.setattr(traffic, "perf_counter", lambda: next(moments))
    async with gateway(counted, streams) as client:
        for method in ("GET", "GET", "GET", "DELETE"):
            await client.request(method, "/api/gateway/stock/123")
    up_to = {it.labels["le"]: it.value for it in told(counted, "onhand_request_seconds_bucket")}
    assert list(up_to.values()) == [1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4]
    assert (up_to["0.005"], up_to["0.025"], up_to["0.5"], up_to["+Inf"]) == (1, 2, 3, 4)
    (total,) = told(counted, "onhand_request_seconds_sum")
    assert total.value == pytest.approx(0.005 + 0.3 + 7 + 0.02)
    assert {(it.labels["method"], it.labels["status"]): it.value for it in told(counted, "onhand_requests_total")} == {
        ("GET", "503"): 3,
        ("DELETE", "405"): 1,
    }


async def test_requests_that_are_not_sent_are_told_by_reason(streams: Streams) -> None:
    requests = Requests("gateway", streams, timeout_seconds=1, limits=Limits(in_flight=1, backlog=1))
    traffic_of_it = Traffic(requests, Live(requests, streams, most=1))
    assert requests.overload(changes=True, under_way=1) is not None
    refused = {it.labels["reason"]: it.value for it in told(traffic_of_it, "onhand_requests_refused_total")}
    assert refused == {"redis-away": 0, "receiver-away": 0, "too-many": 1, "backlog": 0}


async def test_requests_that_are_refused_before_they_begin_are_counted(streams: Streams, counted: Traffic) -> None:
    async with gateway(counted, streams) as client:
        assert (await client.request("WEBSOCKET", "/api/gateway/stock/123")).status_code == 400
    (sample,) = told(counted, "onhand_requests_total")
    assert (sample.labels, sample.value) == ({"route": "other", "method": "other", "status": "400"}, 1)
    (seconds,) = told(counted, "onhand_request_seconds_sum")
    assert 0 <= seconds.value < 1
