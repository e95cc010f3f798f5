"""Each workload runs on real servers, for a second; and one that breaks a promise gives no figure."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import asyncpg
import pytest

from benchmarks import warm
from benchmarks.basket import Basket
from benchmarks.preload import order_id
from benchmarks.shelf import PLENTY, shelve
from benchmarks.target import Target, fresh_system
from benchmarks.wal import fill_wal
from benchmarks.workloads import checkouts, one_product, reading
from benchmarks.workloads.bulk import bulk
from benchmarks.workloads.entries import Entries
from benchmarks.workloads.floors import floors
from benchmarks.workloads.gateways import gateways
from benchmarks.workloads.growth import growth
from benchmarks.workloads.results import Result
from benchmarks.workloads.rows import open_rows
from benchmarks.workloads.scale import Scale
from conftest import Servers
from onhand.common.errors import StartupError
from onhand.common.messaging.streams import Streams

SCALE = Scale(connections=[4], rounds=1, seconds=1, products=50, orders=[105], buyers=21)
STORED = 100


@pytest.fixture(autouse=True)
def _cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warm nothing up: nobody reads these figures."""

    async def measure_nothing(*_: object) -> None: ...

    monkeypatch.setattr(warm, "run_round", measure_nothing)


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with fresh_system() as started:
        yield started


@pytest.fixture
def empty() -> Iterator[Target]:
    """One in which nothing is stored."""
    with fresh_system() as started:
        yield started


def silence(_: str) -> None:
    """Say nothing."""


def cases(result: Result) -> list[str]:
    """Its lines, none of which is without a figure."""
    assert result.problems == []
    assert all(line.per_second.median > 0 for line in result.lines)
    return [line.case for line in result.lines]


async def test_postgresql_has_its_wal_files_before_they_are_needed(target: Target) -> None:
    connection: Any = await asyncpg.connect(target.orders_url)
    try:
        ahead = await connection.fetchval(
            "SELECT count(*) * 16 FROM pg_ls_waldir() WHERE name > pg_walfile_name(pg_current_wal_lsn())"
        )
    finally:
        await connection.close()
    assert ahead >= 960, "MB, of the gigabyte that it keeps"


def test_wal_files_are_made_by_the_server_that_is_named_and_by_no_other(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    fill_wal(target.orders_url)


def test_whoever_cannot_make_wal_files_says_why(target: Target) -> None:
    with pytest.raises(StartupError, match=r"PostgreSQL did not make its WAL files: .*nowhere"):
        fill_wal(target.orders_url.replace("/orders?", "/nowhere?"))


async def test_checkouts_are_chosen_uniformly_and_by_zipf(target: Target) -> None:
    result = await checkouts.checkouts(target, SCALE, silence)
    assert cases(result) == ["uniform", "zipf"]
    assert all(line.settled_seconds is not None for line in result.lines)


async def test_a_product_that_is_not_on_the_shelf_as_it_should_be_is_noticed(target: Target) -> None:
    shelf = Basket(("whole-1", "whole-2"), ())
    await shelve(target.url, shelf.products)
    assert await checkouts.find_missing(target, shelf) == []
    await shelve(target.url, shelf.products[:1], PLENTY - 1)
    (found,) = await checkouts.find_missing(target, shelf)
    assert found == "1 of 2 products are not on the shelf as they were put there"


async def test_as_many_buyers_get_one_product_as_there_are_units(target: Target) -> None:
    result = await one_product.one_product(target, SCALE, silence)
    assert cases(result) == ["21 buyers for 21 units", "21 buyers for 11 units"]


async def test_reservations_have_no_figure_when_more_units_are_sold_than_there_are(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def shelve_too_much(url: str, products: Sequence[str], units: int) -> None:
        await shelve(url, [f"too-much-{it}" for it in products], units)
        await shelve(url, products, units + 1)

    monkeypatch.setattr(one_product, "shelve", shelve_too_much)
    result = await one_product.one_product(target, SCALE, silence)
    assert "21 buyers for 11 units: 12 of 11 units are reserved" in result.problems
    assert not result.lines


async def test_batches_are_beside_single_requests(target: Target) -> None:
    result = await bulk(target, SCALE, silence)
    assert cases(result) == ["single requests", "batches of 100, beside 4 connections"]
    assert [line.times is not None for line in result.lines] == [False, True]


async def test_orders_and_lists_are_read_and_a_wrong_answer_is_noticed(target: Target) -> None:
    result = await reading.reads(target, SCALE, silence)
    assert cases(result) == ["one of 105 orders", "orders of one of 10 customers"]
    for_others = reading.find_wrong(target.url, [11], stored=105, customers=11)
    assert for_others == [
        f"another order was answered than {order_id(11)}",
        "other orders were answered than those of stored-0",
    ]
    one_less = reading.find_wrong(target.url, [11], stored=100, customers=10)
    assert one_less == ["other orders were answered than those of stored-1"]


async def test_what_grows_is_compared_with_what_is_empty(target: Target, empty: Target) -> None:
    result = await growth({0: target, STORED: empty}, SCALE, silence)
    assert cases(result) == ["empty", "100 stored"]
    assert [line.times is not None for line in result.lines] == [False, True]


async def test_two_gateways_are_beside_one(target: Target) -> None:
    result = await gateways(target, SCALE, silence)
    assert cases(result) == ["one gateway", "two gateways"]
    assert [line.times is not None for line in result.lines] == [False, True]


def test_the_machine_is_measured_without_services() -> None:
    result = floors(SCALE, silence)
    assert [(line.unit, line.connections) for line in result.lines] == [("requests", 4), ("orders", 1), ("entries", 1)]
    assert len(cases(result)) == 3


async def test_floors_notice_a_row_and_an_entry_too_many(servers: Servers, streams: Streams) -> None:
    rows = await open_rows(servers.embedded.postgres_url("rows_of_benchmark"), os.getpid())
    entries = Entries(streams, os.getpid())
    try:
        for floor in (rows, entries):
            await floor.run(1)
            assert await floor.find_missing() == []
        rows.stored -= 1
        entries.appended -= 1
        assert len(await rows.find_missing()) == 5
        assert len(await entries.find_missing()) == 1
    finally:
        await rows.close()
