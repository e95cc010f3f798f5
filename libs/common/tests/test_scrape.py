import asyncio
from collections.abc import Sequence

import falcon.asgi
import pytest
from falcon.testing import Result, TestClient
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from onhand.common import scrape
from onhand.common.metrics import DEAD_LETTERS, GROUP_LAG, STREAM_LENGTH
from onhand.common.scrape import Scrape, Source


async def fine() -> Sequence[Metric]:
    return [STREAM_LENGTH.gauge({("toy.events.{0}",): 7})]


async def broken() -> Sequence[Metric]:
    raise ConnectionRefusedError("nobody there")


async def hanging() -> Sequence[Metric]:
    await asyncio.sleep(3600)
    return []


def client(scraped: Scrape) -> TestClient:
    app = falcon.asgi.App()
    scraped.add_routes(app)
    return TestClient(app)


def samples(answer: Result) -> dict[str, float]:
    """What was told, by name and labels as they stand in the text."""
    assert answer.status_code == 200
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_are_told_in_the_text_format_of_prometheus() -> None:
    answer = client(Scrape({"redis": fine})).simulate_get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    told = samples(answer)
    assert told["onhand_stream_length toy.events.{0}"] == 7
    assert told["onhand_scrape_success redis"] == 1
    assert told["process_resident_memory_bytes"] > 0, "the process tells of itself"
    assert "python_gc_collections_total 0" in told


@pytest.mark.parametrize("away", [broken, hanging])
def test_a_source_that_is_away_makes_no_scrape_fail(away: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "_SOURCE_SECONDS", 0.05)
    told = samples(client(Scrape({"redis": fine, "database": away})).simulate_get("/metrics"))
    assert told["onhand_scrape_success database"] == 0
    assert told["onhand_scrape_success redis"] == 1
    assert told["onhand_stream_length toy.events.{0}"] == 7


def test_what_has_no_value_is_not_mentioned() -> None:
    async def without_values() -> Sequence[Metric]:
        return [DEAD_LETTERS.gauge({}), GROUP_LAG.gauge({("toy.events.{0}", "one"): 0})]

    answer = client(Scrape({"redis": without_values})).simulate_get("/metrics")
    assert "onhand_dead_letters" not in answer.text
    assert samples(answer)["onhand_group_lag one toy.events.{0}"] == 0


async def test_sources_are_asked_once_a_second_however_many_scrapes_come(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def count() -> Sequence[Metric]:
        nonlocal asked
        await asyncio.sleep(0)
        asked += 1
        return [STREAM_LENGTH.gauge({("toy.events.{0}",): asked})]

    scraped = Scrape({"redis": count})
    responses = [falcon.asgi.Response() for _ in range(10)]
    await asyncio.gather(*(scraped.on_get(None, response) for response in responses))  # type: ignore[arg-type]  # unused
    assert asked == 1
    assert all(b'onhand_stream_length{stream="toy.events.{0}"} 1.0' in (it.data or b"") for it in responses)
    monkeypatch.setattr(scraped, "_fresh_until", 0.0)
    await scraped.on_get(None, responses[0])  # type: ignore[arg-type]  # unused
    assert asked == 2
