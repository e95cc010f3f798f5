"""The feed tells everything once, in order, whoever reads it and whenever transactions end."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from apps.orders.tests.desk import as_said, confirmed, create, deliver, fulfil, handle, placed
from onhand.common.contracts import CancelOrder, FeedEntry, FeedPage, Message, ReadFeed, StockReserved
from onhand.common.contracts.feed import MOST_FEED_ENTRIES
from onhand.common.database import Database
from onhand.common.testing import received
from onhand.orders.queries import feed, recent_feed
from onhand.orders.queries.walk import MOST_WALKED, Place, place_of
from onhand.orders.store.recent import Recent

BASKET = {"apple": 3}
BEGINNING = str(Place(0))
Step = tuple[UUID, int]


@pytest.fixture(params=["from memory", "from the log"], autouse=True)
def _source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pages come from, as far as they can."""
    is_read = request.param == "from memory"
    monkeypatch.setattr(Recent, "is_read", is_read)


async def read(database: Database, query: ReadFeed) -> FeedPage:
    (reply,) = (await deliver(database, query)).replies
    assert isinstance(reply, FeedPage)
    return replace(reply, entries=tuple(as_said(reply.entries)))


async def read_all(database: Database, query: ReadFeed) -> tuple[list[FeedEntry], str]:
    """Page after page, until nothing is left nor on its way; returns what was told and where the feed ended."""
    entries: list[FeedEntry] = []
    while True:
        page = await read(database, query)
        entries += page.entries
        if not page.has_more and not page.is_unfinished:  # the server has transactions of its own, too
            return entries, page.next
        query = replace(query, after=page.next)


async def tip(database: Database) -> str:
    page = await read(database, ReadFeed())
    assert page.entries == ()
    return page.next


def steps(entries: Sequence[FeedEntry]) -> list[Step]:
    return [(it.order_id, it.version) for it in entries]


@asynccontextmanager
async def uncommitted(database: Database, *batch: Message) -> AsyncGenerator[Any]:
    """A batch whose transaction is committed at the end of the block."""
    async with database.transaction() as tx:
        await handle([received(each) for each in batch], tx)
        yield tx


async def test_the_feed_tells_what_happens_after_a_place_and_nothing_from_before(orders_database: Database) -> None:
    before = await confirmed(orders_database, BASKET)
    after = await tip(orders_database)
    order_id = await confirmed(orders_database, BASKET)
    await deliver(orders_database, fulfil(before, {"apple": 1}))

    entries, end = await read_all(orders_database, ReadFeed(after=after))

    assert steps(entries) == [(order_id, 1), (order_id, 2), (before, 3)]
    assert [it.type.split(".")[1] for it in entries] == ["order-created", "order-confirmed", "order-fulfilled"]
    assert {it.customer_id for it in entries} == {"ann"}
    assert (await read_all(orders_database, ReadFeed(after=end)))[0] == []


async def test_what_is_committed_late_is_missed_by_nobody_and_told_once(orders_database: Database) -> None:
    after, late, early = await tip(orders_database), create(BASKET), create(BASKET)
    async with uncommitted(orders_database, late):
        await deliver(orders_database, early)
        page = await read(orders_database, ReadFeed(after=after))
        assert (page.entries, page.has_more, page.is_unfinished) == ((), False, True)

    entries, _ = await read_all(orders_database, ReadFeed(after=page.next))

    assert steps(entries) == [(late.order_id, 1), (early.order_id, 1)]


async def test_an_orders_entries_are_told_in_order_also_if_the_later_one_is_of_an_earlier_transaction(
    orders_database: Database,
) -> None:
    after, first, second = await tip(orders_database), create(BASKET), create(BASKET)
    async with uncommitted(orders_database, first) as tx:
        await deliver(orders_database, second)
        await handle([received(CancelOrder(second.order_id))], tx)
        settled = create(BASKET)
        await deliver(orders_database, settled)
        await handle([received(StockReserved(settled.order_id))], tx)

    entries, _ = await read_all(orders_database, ReadFeed(after=after))

    for order_id in (second.order_id, settled.order_id):
        assert [version for it, version in steps(entries) if it == order_id] == [1, 2]
    assert len(entries) == 5


async def test_pages_of_any_length_tell_the_same(orders_database: Database) -> None:
    after = await tip(orders_database)
    ids = [await confirmed(orders_database, BASKET) for _ in range(5)]
    await deliver(orders_database, *(create(BASKET) for _ in range(7)))
    whole, _ = await read_all(orders_database, ReadFeed(after=after))
    assert len(whole) == 17
    for limit in (1, 2, 3, 16, 17):
        assert (await read_all(orders_database, ReadFeed(after=after, limit=limit)))[0] == whole
    for place, entry in enumerate(whole, start=1):
        assert (await read_all(orders_database, ReadFeed(after=entry.position)))[0] == whole[place:]
    assert {it.order_id for it in whole} >= {*ids}


async def test_one_can_ask_for_orders_and_customers(orders_database: Database) -> None:
    after = await tip(orders_database)
    of_ann, of_bob, of_eve = create(BASKET), create(BASKET), create(BASKET)
    bob, eve = replace(of_bob, customer_id="bob"), replace(of_eve, customer_id="eve")
    await deliver(orders_database, of_ann, bob, eve)
    for query, wanted in (
        (ReadFeed(after=after, order_ids=(of_ann.order_id,)), {of_ann.order_id}),
        (ReadFeed(after=after, customer_ids=("bob", "zoe")), {bob.order_id}),
        (ReadFeed(after=after, order_ids=(of_ann.order_id,), customer_ids=("eve",)), {of_ann.order_id, eve.order_id}),
        (ReadFeed(after=after, order_ids=(of_ann.order_id, bob.order_id)), {of_ann.order_id, bob.order_id}),
        (ReadFeed(after=after, order_ids=()), set()),
        (ReadFeed(after=after), {of_ann.order_id, bob.order_id, eve.order_id}),
    ):
        entries, _ = await read_all(orders_database, query)
        assert {it.order_id for it in entries} == wanted


@pytest.mark.usefixtures("short_walks")
async def test_a_page_that_found_nothing_within_reach_says_where_to_go_on(
    orders_database: Database,
) -> None:
    after = await tip(orders_database)
    last = create(BASKET)
    await deliver(orders_database, *(create(BASKET) for _ in range(9)))
    await deliver(orders_database, replace(last, customer_id="bob"))
    page = await read(orders_database, ReadFeed(after=after, customer_ids=("bob",)))
    assert (page.entries, page.has_more) == ((), True)
    entries, _ = await read_all(orders_database, ReadFeed(after=page.next, customer_ids=("bob",)))
    assert steps(entries) == [(last.order_id, 1)]


@pytest.mark.usefixtures("short_walks")
async def test_what_is_wanted_is_told_whole_however_often_the_walk_to_it_is_broken_off(
    orders_database: Database,
) -> None:
    after = await tip(orders_database)
    names = [name for name in ("bob", "ann", "ann", "eve", "ann", "ann", "ann", "ann", "bob", "bob") for _ in range(2)]
    await deliver(orders_database, *(replace(create(BASKET), customer_id=name) for name in names))
    whole, _ = await read_all(orders_database, ReadFeed(after=after, customer_ids=("ann", "bob", "eve")))
    assert len(whole) == len(names)
    for limit in (1, 2, 3, 1000):
        for wanted in (("bob",), ("eve",), ("bob", "eve")):
            query = ReadFeed(after=after, customer_ids=wanted, limit=limit)
            entries, _ = await read_all(orders_database, query)
            assert entries == [it for it in whole if it.customer_id in wanted]


def test_a_page_of_everything_is_full_before_its_walk_is_broken_off() -> None:
    assert MOST_FEED_ENTRIES < MOST_WALKED


async def test_a_page_ends_before_it_is_too_long_for_redis(
    orders_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_CHARACTERS", 10)
    monkeypatch.setattr(recent_feed, "MOST_CHARACTERS", 10)
    after = await tip(orders_database)
    await deliver(orders_database, *(create(BASKET) for _ in range(3)))
    assert len((await read(orders_database, ReadFeed(after=after))).entries) == 1
    assert len((await read_all(orders_database, ReadFeed(after=after)))[0]) == 3


async def test_a_single_order_is_told_from_its_beginning_also_if_it_is_older_than_the_feed(
    orders_database: Database,
) -> None:
    order_id = await confirmed(orders_database, BASKET)
    async with orders_database.transaction() as tx:
        await tx.execute("UPDATE orders SET turn = '0'; UPDATE order_events SET turn = '0'")
    await deliver(orders_database, fulfil(order_id))

    entries, _ = await read_all(orders_database, ReadFeed(after=BEGINNING, order_ids=(order_id,)))

    assert steps(entries) == [(order_id, 1), (order_id, 2), (order_id, 3)]
    for place, entry in enumerate(entries, start=1):
        query = ReadFeed(after=entry.position, order_ids=(order_id,))
        assert (await read_all(orders_database, query))[0] == entries[place:]
    assert steps((await read_all(orders_database, ReadFeed(after=BEGINNING)))[0]) == [(order_id, 3)]


@pytest.mark.parametrize("wanted", [{}, {"customer_ids": ("ann",)}, {"order_ids": (UUID(int=1),)}])
async def test_who_comes_from_beyond_the_end_is_told_nothing_and_where_the_end_is(
    orders_database: Database, wanted: dict[str, Any]
) -> None:
    await placed(orders_database, BASKET)
    end = (await read(orders_database, ReadFeed())).next
    far = str(Place(9_999_999_999_999_999_999))
    page = await read(orders_database, ReadFeed(after=far, **wanted))
    assert (page.entries, page.next, page.has_more) == ((), end, False)


async def test_a_walk_along_the_feed_uses_its_index(orders_database: Database) -> None:
    async with orders_database.transaction() as tx:
        await handle([received(ReadFeed(after=BEGINNING))], tx)
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await tx.execute(
            f"PREPARE walk (text, uuid, integer, text, boolean, uuid[], jsonb, integer) AS {feed._ALONG}"  # noqa: SLF001
        )
        rows = await tx.fetch(f"EXPLAIN EXECUTE walk ('0', '{UUID(int=0)}', 0, '9', false, '{{}}', '[]', 500)")
        plan = "\n".join(row[0] for row in rows)
        await tx.execute(f"PREPARE last (text, uuid, integer, text) AS {feed._LAST_WALKED}")  # noqa: SLF001
        rows = await tx.fetch(f"EXPLAIN EXECUTE last ('0', '{UUID(int=0)}', 0, '9')")
        plan_of_last = "\n".join(row[0] for row in rows)
        await tx.execute(f"PREPARE turns (text, uuid, integer, text) AS {recent_feed._TURNS}")  # noqa: SLF001
        rows = await tx.fetch(f"EXPLAIN EXECUTE turns ('0', '{UUID(int=0)}', 0, '9')")
        plan_of_turns = "\n".join(row[0] for row in rows)
    assert "Index Scan using order_events_in_turn" in plan
    assert "Sort" not in plan
    assert "Index Cond: ((ROW(turn, order_id, version) > " in plan
    assert "Index Scan using orders_pkey" in plan
    assert "hashed SubPlan" in plan
    assert "order_events_in_turn" in plan_of_last
    assert "Index Cond: ((ROW(turn, order_id, version) > " in plan_of_last
    assert "Sort" not in plan_of_last
    assert "Index Scan using order_events_in_turn" in plan_of_turns
    assert "Index Cond: ((ROW(turn, order_id, version) > " in plan_of_turns


async def test_where_the_feed_ends_is_told_without_entries(orders_database: Database) -> None:
    await placed(orders_database, BASKET)
    page = await read(orders_database, ReadFeed())
    assert (page.entries, page.has_more) == ((), False)
    assert place_of(page.next).order_id == UUID(int=0)
