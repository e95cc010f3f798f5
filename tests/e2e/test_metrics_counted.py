"""What was done is what the metrics count."""

from tests.e2e.conftest import StartSystem
from tests.e2e.scraping import eventually_told, is_at_rest, metrics
from tests.e2e.traffic import place_order, set_stock, settled


def test_metrics_tell_what_was_done_and_that_nothing_waits(start_system: StartSystem) -> None:
    system = start_system(ASK_AGAIN_SECONDS="60")  # nothing is to come twice
    set_stock(system, "tea", 20)
    accepted = [place_order(system, "tea") for _ in range(30)]
    ends = [settled(system, order_id)["status"] for order_id in accepted]
    assert (ends.count("confirmed"), ends.count("rejected")) == (20, 10)

    orders, inventory = (eventually_told(system, service, is_at_rest) for service in ("orders", "inventory"))

    assert orders.sum("onhand_messages_total", type="orders.create-order.v2") == 30
    assert orders.sum("onhand_messages_total", type="inventory.stock-reserved.v1") == 20
    assert orders.sum("onhand_messages_total", type="inventory.stock-rejected.v2") == 10
    assert inventory.sum("onhand_messages_total", type="inventory.set-stock.v2") == 1
    assert inventory.sum("onhand_messages_total", type="orders.order-created.v2") == 30
    for told in (orders, inventory):
        assert told.sum("onhand_messages_total", type="other") == 0
        assert told.sum("onhand_batch_messages_sum") == told.sum("onhand_messages_total")
        assert 0 < (told.sum("onhand_batch_seconds_count") or 0) <= (told.sum("onhand_messages_total") or 0)
        assert told.sum("onhand_batch_failures_total") == told.sum("onhand_messages_buried_total") == 0
        assert told.sum("onhand_dead_letters") == 0
        assert set(told.all("onhand_scrape_success").values()) == {1}
    assert {stream for (stream,) in orders.all("onhand_stream_length")} == {
        f"orders.{topic}.{{0}}" for topic in ("commands", "queries", "events", "outcomes")
    }
    for topic in ("commands", "events", "outcomes"):
        assert (orders.sum("onhand_stream_length", stream=f"orders.{topic}.{{0}}") or 0) > 0
    assert orders.sum("onhand_group_lag", group="inventory", stream="orders.events.{0}") == 0
    assert inventory.sum("onhand_group_lag", group="orders", stream="inventory.events.{0}") == 0

    gateway = metrics(system, "gateway")
    assert gateway.sum("onhand_requests_total", route="/api/gateway/orders", method="POST", status="201") == 30
    assert gateway.sum("onhand_request_seconds_count", route="/api/gateway/orders") == 30
    assert gateway.sum("onhand_request_seconds_bucket", route="/api/gateway/orders", le="+Inf") == 30
    assert gateway.sum("onhand_requests_in_flight") == gateway.sum("onhand_requests_refused_total") == 0
    for told in (gateway, orders, inventory):
        assert (told.sum("process_cpu_seconds_total") or 0) > 0
