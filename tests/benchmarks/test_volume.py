"""What is stored beforehand is right, and what is kept of the throughput is compared pair by pair."""

import msgspec
import pytest

from benchmarks.preload import store
from benchmarks.volume import Pair, sum_up
from benchmarks.volume_report import verdict
from conftest import Servers
from onhand.cli.migrations import migrate
from onhand.cli.verification.findings import Verdict
from onhand.cli.verification.snapshots import open_books
from onhand.cli.verification.verdict import Options, verify
from onhand.common.messaging.streams import Streams
from tests.benchmarks.test_measure import ROUND

HELD = Verdict(holds=True, seconds=42.0, checks=[], notes=[])


async def test_onhand_verify_finds_nothing_wrong_with_what_is_stored_beforehand(
    servers: Servers, streams: Streams
) -> None:
    urls = {service: servers.embedded.postgres_url(f"{service}_volume") for service in ("orders", "inventory")}
    for service, url in urls.items():
        migrate(url, ["onhand.common", f"onhand.{service}"])
    await store(urls["orders"], urls["inventory"], 100)
    async with open_books(urls["orders"], urls["inventory"], "test") as books:
        verdict = await verify(books, streams, Options(within_seconds=0), lambda *_: None)
    assert verdict.holds, verdict
    assert [check.checked for check in verdict.checks[:2]] == [100, 100]


@pytest.mark.parametrize(("on_full", "met"), [(3_800.0, True), (3_600.0, False)])
def test_what_is_kept_of_the_throughput_is_told_met_or_not(on_full: float, met: bool) -> None:
    full = msgspec.structs.replace(ROUND, orders_per_second=on_full)
    volume = sum_up(1_000_000, [Pair(ROUND, full)], HELD)
    assert volume.is_met == met
    assert volume.is_complete
    kept, verified = verdict(volume)
    assert ("not met" in kept) == (not met)
    assert "42.0 s" in verified
    assert "not met" not in verified


def test_a_full_system_in_which_something_is_wrong_cannot_be_overlooked() -> None:
    volume = sum_up(1, [Pair(ROUND, ROUND)], msgspec.structs.replace(HELD, holds=False))
    assert not volume.is_complete
    assert "something is wrong" in verdict(volume)[1]
