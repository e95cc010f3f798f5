"""Each peer takes an order, settles it, and is compared with ours; only when asked, since it installs packages first:

make test ARGS="tests/benchmarks/test_peers.py --peers"
"""

import shutil
import time

import msgspec
import pytest

from benchmarks.peers import nestjs_peers
from benchmarks.peers.nestjs_peers import NestShop
from benchmarks.peers.systems import SYSTEMS, System
from benchmarks.peers.table import compare
from benchmarks.peers.turns import Turn, in_turns, take_turn
from tests.benchmarks.serving import serving
from tests.benchmarks.test_measure import ROUND

PEERS = [system for system in SYSTEMS if system.name != "onhand"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("system", PEERS, ids=lambda system: system.name)
async def test_a_peer_takes_orders_and_keeps_what_it_promises(system: System, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--peers"):
        pytest.skip("installs packages from PyPI and npm; ask for it with --peers")
    if reason := system.missing():
        pytest.skip(reason)
    turn = await take_turn(system, 1, [4], 1)
    assert turn.problems == []
    assert turn.rounds[0].created > 0
    assert system.reserves is (turn.rounds[0].reserved_units > 0)


def test_a_peer_that_needs_node_says_so_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert [system.name for system in PEERS if "nestjs" in system.name and system.missing()] == [
        "nestjs-express",
        "nestjs-fastify",
    ]


async def test_a_reply_that_got_lost_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nestjs_peers, "_ASK_SECONDS", 0.1)
    asked = 0

    async def answer(number: int) -> bytes:
        nonlocal asked
        asked = number
        return b"201 Created" if number > 1 else b""

    async with serving(answer, end=b"\r\n\r\n") as url:
        shop = NestShop(url, {})
        assert await shop.settled_after(10.0, time.monotonic()) is not None
    assert asked == 3, "an order, the same once more, and a question"


def test_every_system_has_one_turn_of_each_number_and_another_one_is_first_each_time() -> None:
    plan = [(number, system.name) for number, system in in_turns(SYSTEMS[:3], 2)]
    first, second, third = (system.name for system in SYSTEMS[:3])
    assert plan == [(1, first), (1, second), (1, third), (2, second), (2, third), (2, first)]


def test_systems_are_compared_within_a_turn_and_what_broke_a_promise_gives_no_figure() -> None:
    fast = msgspec.structs.replace(ROUND, orders_per_second=8_000.0)
    lost = msgspec.structs.replace(ROUND, problems=["1 order is lost"])
    turns = [
        Turn("onhand", 1, [fast], [], {}),
        Turn("peer", 1, [msgspec.structs.replace(ROUND, orders_per_second=2_000.0)], [], {}),
        Turn("lossy", 1, [lost], [], {}),
        Turn("oversold", 1, [ROUND], ["1 product was sold twice"], {}),
    ]
    standings = {it.system: it for it in compare(turns)}
    assert standings.keys() == {"onhand", "peer"}
    times = standings["peer"].ours_times
    assert times is not None
    assert times.median == pytest.approx(4.0)
