"""What each service tells at `GET /metrics`, while all is well and while something is away."""

import re
import time
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.scraping import Told, eventually_told, metrics
from tests.e2e.system import SERVICES, System, stops_redis
from tests.e2e.traffic import look_up, order, place_order
from tests.e2e.waiting import eventually

README = Path(__file__).parents[2] / "README.md"


def test_what_clients_make_up_is_no_label(system: System) -> None:
    product = str(uuid4())
    order_id = place_order(system, product)
    before = metrics(system, "gateway")
    look_up(system, order_id)
    for path in (f"/no/such/{product}", f"/api/gateway/stock/{product}"):
        system.client.get(path)
    for method in ("PURGE", "DELETE"):
        system.client.request(method, f"/api/gateway/stock/{product}")
    after = metrics(system, "gateway")

    known = "/api/gateway/stock/{product_id}"
    for labels in (
        {"route": "/api/gateway/orders/{order_id}", "method": "GET", "status": "200"},
        {"route": "other", "method": "GET", "status": "404"},
        {"route": known, "method": "GET", "status": "404"},
        {"route": known, "method": "DELETE", "status": "405"},
        {"route": known, "method": "other", "status": "400"},
    ):
        count = after.sum("onhand_requests_total", **labels)
        assert count == (before.sum("onhand_requests_total", **labels) or 0) + 1, labels
    assert product not in after.text
    assert order_id not in after.text


def test_metrics_name_no_secret(system: System) -> None:
    place_order(system, "tea")
    for service in SERVICES:
        text = metrics(system, service).text
        assert "://" not in text, "a URL may hold a password"
        assert "cust-456" not in text


def test_every_metric_is_in_the_readme(system: System) -> None:
    place_order(system, "tea")
    texts = [metrics(system, service).text for service in SERVICES]
    told = set(re.findall(r"^# HELP (onhand_\w+)", "\n".join(texts), re.MULTILINE))
    assert set(re.findall(r"`(onhand_\w+)`", README.read_text())) == told


def all_can_be_asked(told: Told) -> bool:
    return set(told.all("onhand_scrape_success").values()) == {1}


def test_while_its_database_is_away_a_service_tells_the_rest(system: System) -> None:
    eventually(lambda: order(system, "tea").status_code == 201)
    eventually_told(system, "orders", all_can_be_asked)
    with system.kept_down("postgres"):
        told = eventually_told(system, "orders", lambda told: told.sum("onhand_scrape_success", source="database") == 0)
        assert told.sum("onhand_outbox_rows") is None, "nobody knows"
        assert told.sum("onhand_scrape_success", source="redis") == 1
        assert (told.sum("onhand_stream_length", stream="orders.commands.{0}") or 0) > 0
        assert (told.sum("onhand_messages_total", type="orders.create-order.v2") or 0) > 0
    assert eventually_told(system, "orders", all_can_be_asked).sum("onhand_outbox_rows") is not None


@stops_redis
def test_while_redis_is_away_services_tell_the_rest_and_the_gateway_what_it_refuses(system: System) -> None:
    eventually(lambda: order(system, "tea").status_code == 201)
    with system.kept_down("redis"):
        told = eventually_told(system, "orders", lambda told: told.sum("onhand_scrape_success", source="redis") == 0)
        assert told.sum("onhand_stream_length") is told.sum("onhand_group_lag") is None
        assert told.sum("onhand_outbox_rows") is not None
        eventually(lambda: order(system, "tea").status_code == 503)
        gateway = metrics(system, "gateway")
        assert (gateway.sum("onhand_requests_refused_total", reason="redis-away") or 0) >= 1
        assert (gateway.sum("onhand_requests_total", route="/api/gateway/orders", status="503") or 0) >= 1
    eventually_told(system, "orders", all_can_be_asked)


@pytest.mark.parametrize(
    ("server", "source", "rest"),
    [
        pytest.param("redis", "redis", "onhand_outbox_rows", marks=stops_redis),
        ("postgres", "database", "onhand_stream_length"),
    ],
)
def test_while_a_server_hangs_health_and_metrics_are_told_in_time(
    system: System, server: str, source: str, rest: str
) -> None:
    eventually(system.is_ready)
    with system.paused(server):
        began = time.monotonic()
        assert not system.is_ready("orders")
        told = eventually_told(system, "orders", lambda it: it.sum("onhand_scrape_success", source=source) == 0)
        assert told.sum(rest) is not None
        assert time.monotonic() - began < 10
    eventually_told(system, "orders", all_can_be_asked)
    eventually(system.is_ready)
