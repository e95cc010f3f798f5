"""What is measured keeps what it took, or has no figure."""

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis

from benchmarks.durability import NotDurable, find_risks
from benchmarks.facts import facts_at
from benchmarks.ledger import connect_reader
from benchmarks.peers import turns
from benchmarks.peers.fastapi_peers import PeerShop
from benchmarks.peers.nestjs_peers import NestShop
from benchmarks.peers.running import Host
from benchmarks.peers.systems import Shop, System
from benchmarks.peers.table import compare
from benchmarks.peers.turns import take_turn
from benchmarks.target import fresh_system
from onhand.cli.local import EmbeddedServers, embedded_servers
from tests.benchmarks.test_measure import ROUND

ROOT = Path(__file__).parents[2]


@pytest.fixture
def embedded() -> Iterator[EmbeddedServers]:
    """Servers of this test alone: their settings are changed."""
    with tempfile.TemporaryDirectory(prefix="onhand-") as home, embedded_servers(Path(home)) as servers:
        yield servers


async def change(url: str, *statements: str) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def write_half_pages(servers: EmbeddedServers) -> None:
    url = servers.postgres_url("postgres")
    await change(url, "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()")
    connection: Any = await asyncpg.connect(url)
    try:
        while await connection.fetchval("SHOW full_page_writes") != "off":  # it reads its files again when it likes
            pass
    finally:
        await connection.close()


def keep_nothing(servers: EmbeddedServers) -> None:
    with redis.Redis.from_url(servers.redis_url) as client:
        client.config_set("appendonly", "no")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
        ("appendonly", "no"),
        ("appendfsync", "no"),
    ],
)
def test_a_setting_that_lets_a_server_lose_what_it_took_is_a_risk(name: str, value: str) -> None:
    (risk,) = find_risks("it", {"server_version": "18.6", name: value})
    assert risk == f"it runs with {name}={value}: what it took may be gone after a power failure"
    assert find_risks("it", {name: "?"}) == [f"it does not tell {name}"]


@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
@pytest.mark.parametrize("synchronous_commit", ["on", "local", "remote_write", "remote_apply"])
def test_settings_that_write_what_was_taken_are_none(appendfsync: str, synchronous_commit: str) -> None:
    assert find_risks("it", {"fsync": "on", "synchronous_commit": synchronous_commit, "full_page_writes": "on"}) == []
    assert find_risks("it", {"appendonly": "yes", "appendfsync": appendfsync}) == []


async def test_servers_that_may_lose_what_they_took_are_not_measured(embedded: EmbeddedServers) -> None:
    urls = (embedded.redis_url, embedded.postgres_url("postgres"))
    assert "fsync=on" in (await facts_at(*urls))["postgres"]
    await write_half_pages(embedded)
    keep_nothing(embedded)
    with pytest.raises(NotDurable) as error:
        await facts_at(*urls)
    assert [line.partition(":")[0] for line in str(error.value).splitlines()] == ["NO FIGURE"] * 3
    assert "PostgreSQL of orders runs with full_page_writes=off" in str(error.value)
    assert "PostgreSQL of inventory runs with full_page_writes=off" in str(error.value)
    assert "Redis runs with appendonly=no" in str(error.value)


async def test_a_peer_that_stores_is_asked_for_its_own_settings(embedded: EmbeddedServers) -> None:
    url = embedded.postgres_url("postgres")
    its = Host(embedded, Path(), 1, {"redis": 1, "postgres": 1})
    shop = PeerShop(its, await connect_reader("orders", url), await connect_reader("stock", url), url)
    try:
        assert await shop.risks() == []
        await write_half_pages(embedded)
        keep_nothing(embedded)
        assert len(await shop.risks()) == 3
    finally:
        await shop.close()
    assert await NestShop("", {}).risks() == [], "it stores nothing"


async def test_a_peer_that_may_lose_what_it_stored_has_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless(NestShop):
        async def risks(self) -> list[str]:
            return ["it runs with fsync=off"]

    @asynccontextmanager
    async def careless() -> AsyncIterator[Shop]:
        yield Careless("", {})

    async def measure(*_: object) -> object:
        return ROUND

    monkeypatch.setattr(turns, "measure", measure)
    turn = await take_turn(System("careless", "", "", careless, lambda: None), 1, [64], 1)
    assert turn.problems == ["it runs with fsync=off"]
    assert compare([turn]) == []


async def test_a_running_system_that_does_not_wait_for_its_disk_has_no_figure_and_the_exit_code_says_so() -> None:
    with fresh_system() as target:
        await change(target.inventory_url, "ALTER DATABASE inventory SET synchronous_commit = off")
        urls = {
            "REDIS_URL": target.redis_url,
            "ORDERS_DATABASE_URL": target.orders_url,
            "INVENTORY_DATABASE_URL": target.inventory_url,
        }
        done = subprocess.run(  # noqa: ASYNC221  # nothing else is to be done
            [sys.executable, "-m", "benchmarks", "--url", target.url, "--rounds", "1", "--seconds", "1"],
            check=False,
            cwd=ROOT,
            env=os.environ | urls,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert "NO FIGURE: PostgreSQL of inventory runs with synchronous_commit=off" in done.stderr
    assert "orders/s" not in done.stdout
