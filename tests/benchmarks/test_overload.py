"""Loads that do not wait for answers, and what is made of them."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from benchmarks import generator, load
from benchmarks.basket import ONE_PRODUCT
from benchmarks.overload import Setting, outcome
from benchmarks.overload_report import verdict
from benchmarks.requests import Request
from tests.benchmarks.serving import serving
from tests.benchmarks.test_measure import ROUND
from tests.benchmarks.tools import needs_wrk

SLOW_SECONDS = 0.05


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server that refuses two of three requests at once and takes its time for the third."""

    async def answer(number: int) -> bytes:
        if number % 3:
            return b"503 Service Unavailable"
        await asyncio.sleep(SLOW_SECONDS)
        return b"201 Created"

    async with serving(answer) as url:
        yield url


async def test_our_own_generator_keeps_to_the_timetable_whatever_is_answered(url: str) -> None:
    result = await generator.run(url, [Request("POST", "/", "{}")], connections=40, seconds=1, rate=300)
    assert 200 < result.statuses.total() <= 301
    assert result.statuses[503] > result.statuses[201] > 0
    assert result.percentile(50) >= SLOW_SECONDS * 1e3, "of those that were answered 201"


@needs_wrk
async def test_wrk_keeps_to_the_timetable_whatever_is_answered(url: str) -> None:
    assert load.wrk(), "or it would be our own generator once more"
    seen = await load.run(url, ONE_PRODUCT, 40, 2, rate=300)
    assert 200 < seen.offered_per_second < 330
    assert seen.refused > seen.created > 0
    assert seen.p99_ms >= seen.p50_ms >= SLOW_SECONDS * 1e3 * 0.9, "as if every refusal had been quicker"


def test_what_is_kept_is_compared_with_the_round_before() -> None:
    best = ROUND
    over = msgspec.structs.replace(
        ROUND, orders_per_second=3_280.0, asked_per_second=12_300.0, offered_per_second=12_200.0, created=30, refused=90
    )
    searched = msgspec.structs.replace(ROUND, orders_per_second=9_000.0)
    result = outcome(Setting(256), [searched, best, over, best, over])
    assert len(result.pairs) == 2
    assert result.kept.median == pytest.approx(0.8)
    assert result.pairs[0].refused == 0.75
    assert verdict(result) == ["MAX_IN_FLIGHT=256: 80% of the best (80%-80%), asked at least 80%: [green]met[/]"]


def test_what_was_missed_and_what_could_not_be_offered_is_told() -> None:
    over = msgspec.structs.replace(
        ROUND, orders_per_second=2_000.0, asked_per_second=12_300.0, offered_per_second=6_000.0
    )
    missed, not_offered = verdict(outcome(Setting(256), [ROUND, over]))
    assert "49% of the best" in missed
    assert "not met" in missed
    assert "could not offer all of it" in not_offered


def test_there_are_clients_left_while_as_many_as_the_limit_wait() -> None:
    assert Setting(256).connections > 2 * 256
