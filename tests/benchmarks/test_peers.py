"""Each peer takes an order, settles it, and is compared with ours; only when asked, since it installs packages first:

make test ARGS="tests/benchmarks/test_peers.py --peers"
"""

import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from benchmarks import rates
from benchmarks.peers import nestjs_peers, turns
from benchmarks.peers.nestjs_peers import NestShop
from benchmarks.peers.systems import SYSTEMS, Shop, System
from benchmarks.peers.table import compare, compare_rates
from benchmarks.peers.turns import Turn, in_turns, take_turn, take_turn_at_rates
from tests.benchmarks.serving import serving
from tests.benchmarks.test_measure import ROUND
from tests.benchmarks.test_rates import RATE_ROUND

PEERS = [system for system in SYSTEMS if system.name != "onhand"]


class Quiet(NestShop):
    """One that is at rest when it has answered."""

    async def settled_after(self, limit_seconds: float, ended: float) -> float | None:  # noqa: ARG002  # of the protocol
        return 0.0


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
    done = [
        Turn("onhand", 1, [fast], [], {}),
        Turn("peer", 1, [msgspec.structs.replace(ROUND, orders_per_second=2_000.0)], [], {}),
        Turn("lossy", 1, [lost], [], {}),
        Turn("oversold", 1, [ROUND], ["1 product was sold twice"], {}),
    ]
    standings = {it.system: it for it in compare(done)}
    assert standings.keys() == {"onhand", "peer"}
    times = standings["peer"].ours_times
    assert times is not None
    assert times.median == pytest.approx(4.0)


async def test_a_system_that_does_not_tell_when_an_order_is_settled_is_timed_until_it_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def answer(_: int) -> bytes:
        return b"201 Created"

    @asynccontextmanager
    async def served() -> AsyncIterator[Shop]:
        async with serving(answer) as url:
            yield Quiet(url, {})

    monkeypatch.setattr(turns, "_WARM_UP_SECONDS", 1)
    monkeypatch.setattr(rates, "LATE_SHARE", 1.0)  # other tests keep the generator from its time
    turn = await take_turn_at_rates(System("quiet", "", "", served, lambda: None), 1, [50], 8, 1)
    assert turn.flaws == []
    (a_round,) = turn.rate_rounds
    assert a_round.round.created == 50
    assert a_round.accepted is not None
    assert a_round.settled is None
    (summary,) = compare_rates([turn])["quiet"]
    assert summary.accepted == a_round.accepted
    assert summary.settled is None


def test_of_fixed_rates_only_what_is_sound_is_compared() -> None:
    late = msgspec.structs.replace(RATE_ROUND, late_share=0.5)
    done = [
        Turn("onhand", 1, [], [], {}, [RATE_ROUND]),
        Turn("onhand", 2, [], [], {}, [late]),
        Turn("oversold", 1, [], ["1 product was sold twice"], {}, [RATE_ROUND]),
    ]
    compared = compare_rates(done)
    assert [(it.rate, it.rounds) for it in compared["onhand"]] == [(RATE_ROUND.rate, 1)]
    assert compared["oversold"] == []
    assert [turn.problems for turn in done] == [[], [], ["1 product was sold twice"]], "late is not the system's fault"
    assert [len(turn.flaws) for turn in done] == [0, 1, 1]
