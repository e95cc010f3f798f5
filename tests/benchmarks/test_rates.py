"""Requests at fixed times: what is slow is seen to be slow by all that it made late."""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import pytest

from benchmarks import open_loop
from benchmarks.basket import ONE_PRODUCT
from benchmarks.facts import made
from benchmarks.ledger import open_ledger
from benchmarks.preload import store
from benchmarks.rates import Latency, RateRound, latency, make_rate_report
from benchmarks.rates_report import outcome
from benchmarks.requests import PATH, Request
from conftest import Servers
from onhand.cli.migrations import migrate
from tests.benchmarks.serving import serving
from tests.benchmarks.test_measure import ROUND

STALL_SECONDS = 0.4
ORDERS = [Request("POST", PATH, "{}")]
ORDER_ID = "019a0000-0000-7000-8000-000000000001"
LATENCY = Latency(1.0, 2.0, 3.0, 4.0)
RATE_ROUND = RateRound(2_000.0, 2_000.0, 1_990.0, 0, LATENCY, LATENCY, 0.001, 0.5, ROUND)


def accept(_: int) -> bytes:
    return f"201 Created\r\nlocation: {PATH}/{ORDER_ID}".encode()


def gateway(answer: Callable[[int], bytes | None], stall_seconds: float = 0.0) -> AbstractAsyncContextManager[str]:
    """A server that takes its time for the first request, and answers each by its number, or ends the connection."""

    async def take_time(number: int) -> bytes | None:
        if number == 1:
            await asyncio.sleep(stall_seconds)
        return answer(number)

    return serving(take_time)


async def test_latency_counts_from_when_a_request_was_to_be_sent() -> None:
    begun = time.time()
    async with gateway(accept, STALL_SECONDS) as url:
        seen = await open_loop.run(url, ORDERS, connections=1, seconds=0.5, rate=100)
    assert (seen.sent, len(seen.accepted), seen.refused, seen.unanswered) == (50, 50, 0, 0)
    first, *others = seen.accepted
    assert first.order_id == ORDER_ID
    assert STALL_SECONDS <= first.seconds < STALL_SECONDS + 5
    assert begun <= first.due
    slow = [it for it in others if it.due < first.due + STALL_SECONDS]
    assert len(slow) > 30, "they were due while the first was not answered yet"
    assert all(it.due + it.seconds >= first.due + STALL_SECONDS for it in slow)
    assert [it.due - first.due for it in others] == pytest.approx([number / 100 for number in range(1, 50)], abs=1e-3)


async def test_refusals_are_counted_and_have_no_latency() -> None:
    async with gateway(lambda number: accept(number) if number % 2 else b"503 Service Unavailable") as url:
        seen = await open_loop.run(url, ORDERS, connections=4, seconds=0.1, rate=100)
    assert (len(seen.accepted), seen.refused, seen.unanswered) == (5, 5, 0)


async def test_what_was_never_answered_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_loop, "_WAIT_SECONDS", 0.1)
    async with gateway(lambda number: None if number == 1 else accept(number)) as url:
        seen = await open_loop.run(url, ORDERS, connections=2, seconds=0.1, rate=100)
    assert seen.unanswered == 1


async def test_when_orders_were_settled_is_in_the_log(servers: Servers) -> None:
    urls = {service: servers.embedded.postgres_url(f"{service}_rates") for service in ("orders", "inventory")}
    for service, url in urls.items():
        migrate(url, ["onhand.common", f"onhand.{service}"])
    await store(urls["orders"], urls["inventory"], 10)
    asked = [f"01890000-0000-7000-8000-{number:012x}" for number in (1, 10, 11)]
    ledger = await open_ledger(urls["orders"], urls["inventory"], ONE_PRODUCT)
    try:
        settled_at = await ledger.settled_at(asked)
    finally:
        await ledger.close()
    assert settled_at.keys() == set(asked[:2]), "there is no eleventh"
    assert all(abs(time.time() - at) < 120 for at in settled_at.values())


def test_the_slowest_of_a_thousand_are_not_left_out() -> None:
    assert latency(number / 1e3 for number in range(1000, 0, -1)) == Latency(500.0, 990.0, 999.0, 1000.0)
    assert latency([]) is None


def test_a_round_for_which_the_generator_was_late_has_no_figure() -> None:
    slower = msgspec.structs.replace(RATE_ROUND, accepted=Latency(3.0, 4.0, 5.0, 6.0))
    late = msgspec.structs.replace(RATE_ROUND, rate=4_000.0, late_share=0.02)
    lost = msgspec.structs.replace(RATE_ROUND, round=msgspec.structs.replace(ROUND, problems=["1 order is lost"]))
    report = make_rate_report("orders", {}, 1_000, [RATE_ROUND, slower, late, lost])
    (summary,) = report.rates
    assert (summary.rate, summary.rounds, summary.accepted) == (2_000.0, 2, Latency(2.0, 3.0, 4.0, 5.0))
    assert "NO FIGURE" in outcome(late)
    assert "NOT COMPLETE" in outcome(lost)
    assert not report.complete
    assert make_rate_report("orders", {}, 1_000, [late]).complete, "a late generator is not the system's fault"


def test_a_report_says_how_it_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["/somewhere/python", "-m", "benchmarks", "--json", "/somewhere/report.json", "--rate", "2000"]
    monkeypatch.setattr(sys, "orig_argv", words)
    assert made()["command"] == "python -m benchmarks --rate 2000"
