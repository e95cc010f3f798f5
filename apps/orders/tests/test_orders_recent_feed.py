"""What the feed tells out of memory is what the log says, whoever wrote it and whatever became of it."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock, Mock, patch
from uuid import UUID

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule, run_state_machine_as_test
from msgspec import UNSET
from msgspec.structs import replace

from apps.orders.tests.desk import as_said, confirmed, create, deliver, fulfil, handle, placed
from onhand.common.contracts import CancelOrder, FeedEntry, FeedPage, Message, ReadFeed, StockReserved
from onhand.common.database import Database, Transaction
from onhand.common.testing import received
from onhand.orders.queries import feed, recent_feed
from onhand.orders.queries.walk import Place, place_of
from onhand.orders.store import recent
from onhand.orders.store.log import Columns
from onhand.orders.store.recent import RECENT, Recent, Written

BASKET = {"apple": 3}
BEGINNING = Place(0)
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recent, "is_read", True)


async def end_of_feed(tx: Transaction) -> Place:
    return Place(int((await tx.fetchrow(feed._ENDED))["complete_to"]))  # noqa: SLF001


async def now(database: Database) -> Place:
    async with database.transaction() as tx:
        return await end_of_feed(tx)


async def from_memory(tx: Transaction, query: ReadFeed, after: Place) -> tuple[list[FeedEntry], Place] | None:
    found = await recent_feed.recall(query, after, await end_of_feed(tx), tx)
    return None if found is None else (as_said(found[0]), found[1])


async def from_log(tx: Transaction, query: ReadFeed, after: Place, to: Place) -> list[FeedEntry]:
    entries: list[FeedEntry] = []
    while after < to:
        some, after = await feed._read(query, after, to, tx)  # noqa: SLF001
        entries += as_said(some)
    return entries


async def remembered(database: Database, after: Place, **wanted: Any) -> list[FeedEntry] | None:  # noqa: ANN401  # all there are
    """All that is told out of memory, if it is all that there is, which has to be what the log says."""
    query = ReadFeed(after=str(after), **wanted)
    async with database.transaction() as tx:
        end = await end_of_feed(tx)
        found = await from_memory(tx, query, after)
        if found is None or found[1] < end:
            return None
        assert found[0] == await from_log(tx, query, after, end)
    return found[0]


async def put_into_its_turn(tx: Transaction, order_id: UUID, at: datetime | None) -> None:
    """What a transaction of before that changes an order later does; the time is that of the first entry by default."""
    await tx.execute(
        """
        INSERT INTO order_events (order_id, version, type, data, caused_by, source, turn, recorded_at)
        SELECT order_id, 2, type, data, caused_by, source, turn, coalesce($2, recorded_at)
        FROM order_events WHERE order_id = $1
        """,
        order_id,
        at,
    )


async def test_what_this_process_wrote_is_told_as_the_log_says_it(orders_database: Database) -> None:
    after = await now(orders_database)
    order_id = await confirmed(orders_database, BASKET)
    await deliver(orders_database, fulfil(order_id), *(create(BASKET) for _ in range(3)))
    await deliver(orders_database, replace(create(BASKET), customer_id="bob"))

    entries = await remembered(orders_database, after)

    assert entries is not None
    assert [it.version for it in entries if it.order_id == order_id] == [1, 2, 3]
    assert len(entries) == 7
    for wanted, count in (
        ({"customer_ids": ("bob",)}, 1),
        ({"order_ids": (order_id,), "customer_ids": ("bob",)}, 4),
        ({"order_ids": (order_id, UUID(int=1))}, 3),
        ({"order_ids": ()}, 0),
    ):
        assert len(await remembered(orders_database, after, **wanted) or ()) == count


async def test_what_another_replica_wrote_is_read_in_the_log(
    orders_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = await now(orders_database)
    ours = await placed(orders_database, BASKET)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(Recent, "is_read", False)
        await placed(orders_database, BASKET)
    await placed(orders_database, BASKET)
    async with orders_database.transaction() as tx:
        found = await from_memory(tx, ReadFeed(after=str(after)), after)
        assert found is not None
        assert [it.order_id for it in found[0]] == [ours]
        assert await from_memory(tx, ReadFeed(), found[1]) is None


async def test_what_was_rolled_back_is_not_told(orders_database: Database) -> None:
    after = await now(orders_database)
    with suppress(ZeroDivisionError):
        async with orders_database.transaction() as tx:
            await handle([received(create(BASKET))], tx)
            raise ZeroDivisionError
    stays = await placed(orders_database, BASKET)
    assert [it.order_id for it in await remembered(orders_database, after) or ()] == [stays]


async def test_a_turn_in_which_somebody_else_put_something_is_read_in_the_log(orders_database: Database) -> None:
    after = await now(orders_database)
    async with orders_database.transaction() as early:
        await handle([received(create(BASKET))], early)
        order_id = await placed(orders_database, BASKET)
        await handle([received(CancelOrder(order_id))], early)  # in the turn of the later one, which made the order
    assert await remembered(orders_database, after) is None


async def test_what_several_statements_of_a_transaction_wrote_is_told_in_the_order_of_the_log(
    orders_database: Database,
) -> None:
    after = await now(orders_database)
    async with orders_database.transaction() as tx:
        for _ in range(5):
            await handle([received(create(BASKET))], tx)
    assert len(await remembered(orders_database, after) or ()) == 5


async def test_of_a_batch_that_found_some_settled_before_the_others_are_told(orders_database: Database) -> None:
    settled, other, third = (replace(create(BASKET), order_id=UUID(int=number)) for number in (1, 2, 3))
    await deliver(orders_database, settled, other, third)
    await deliver(orders_database, CancelOrder(settled.order_id))
    after = await now(orders_database)
    await deliver(orders_database, *(StockReserved(it.order_id) for it in (settled, other, third)))
    entries = await remembered(orders_database, after)
    assert entries
    assert [it.order_id for it in entries] == [other.order_id, third.order_id]


@pytest.mark.usefixtures("short_walks")
async def test_of_a_turn_in_which_a_walk_was_broken_off_nothing_is_told_out_of_memory(
    orders_database: Database,
) -> None:
    after = await now(orders_database)
    commands = [replace(create(BASKET), order_id=UUID(int=number)) for number in (1, 2, 3, 4)]
    await deliver(orders_database, *commands[:2])
    await deliver(orders_database, *commands[2:])
    async with orders_database.transaction() as tx:  # the fifth, and out of reach
        await put_into_its_turn(tx, commands[3].order_id, None)
        found = await from_memory(tx, ReadFeed(), after)
    assert found is not None
    assert [it.order_id for it in found[0]] == [it.order_id for it in commands[:2]]
    assert found[1] == Place(place_of(found[0][-1].position).turn + 1)


async def test_of_a_turn_that_was_told_in_part_the_rest_is_told(orders_database: Database) -> None:
    after = await now(orders_database)
    async with orders_database.transaction() as tx:
        for _ in range(3):
            await handle([received(create(BASKET))], tx)
    entries = await remembered(orders_database, after) or []
    for place, entry in enumerate(entries, start=1):
        assert await remembered(orders_database, place_of(entry.position)) == entries[place:]


async def test_what_is_put_into_a_turn_that_was_told_in_part_is_read_in_the_log(orders_database: Database) -> None:
    after = await now(orders_database)
    first, second, third = (replace(create(BASKET), order_id=UUID(int=number)) for number in (1, 2, 3))
    async with orders_database.transaction() as tx:
        await handle([received(first), received(second)], tx)
        await handle([received(third)], tx)
    entries = await remembered(orders_database, after)
    assert entries
    async with orders_database.transaction() as tx:  # so that there are three behind the first again, of the same times
        await put_into_its_turn(tx, third.order_id, entries[1].at + (entries[2].at - entries[1].at) / 2)
    assert await remembered(orders_database, place_of(entries[0].position)) is None


async def test_who_wanted_something_is_told(orders_database: Database) -> None:
    after, command = await now(orders_database), received(create(BASKET))
    by_eve = replace(command, envelope=replace(command.envelope, actor="eve"))
    await deliver(orders_database, by_eve, create(BASKET))
    actors = {it.order_id: it.actor for it in await remembered(orders_database, after) or ()}
    assert actors.pop(command.message.order_id) == "eve"
    assert list(actors.values()) == [UNSET]


async def test_of_a_batch_with_orders_that_are_known_the_others_are_told(orders_database: Database) -> None:
    commands = [replace(create(BASKET), order_id=UUID(int=number)) for number in (1, 2, 3)]
    await deliver(orders_database, commands[0])
    after = await now(orders_database)
    await deliver(orders_database, *commands)
    await deliver(orders_database, *commands)
    entries = await remembered(orders_database, after)
    assert entries
    assert [it.order_id for it in entries] == [it.order_id for it in commands[1:]]


@pytest.mark.parametrize("kind", [CancelOrder, StockReserved])
async def test_a_batch_of_which_something_is_in_the_turn_of_another_is_not_kept(
    orders_database: Database, kind: type[CancelOrder] | type[StockReserved], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await placed(orders_database, BASKET)
    async with orders_database.transaction() as early:
        await handle([received(create(BASKET))], early)
        later = await placed(orders_database, BASKET)
        keep = Mock()
        monkeypatch.setattr(Recent, "remember", keep)
        await handle([received(kind(before)), received(kind(later))], early)
    keep.assert_not_called()


async def test_after_a_first_page_who_reads_on_is_told_without_a_look_at_entries(
    orders_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(RECENT, "_read_until", 0.0)
    after = await now(orders_database)
    await deliver(orders_database, ReadFeed(after=str(after)))
    order_id = await placed(orders_database, BASKET)
    monkeypatch.setattr(feed, "_find", AsyncMock(side_effect=AssertionError("the log was read")))
    (page,) = (await deliver(orders_database, ReadFeed(after=str(after)))).replies
    assert isinstance(page, FeedPage)
    assert [it.order_id for it in page.entries] == [order_id]


async def test_a_page_is_not_too_long_for_redis(orders_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    after = await now(orders_database)
    for _ in range(4):
        await placed(orders_database, BASKET)
    entries = await remembered(orders_database, after) or []
    characters = len(msgspec.json.encode(entries[0].data))
    monkeypatch.setattr(recent_feed, "MOST_CHARACTERS", 2 * characters)
    async with orders_database.transaction() as tx:
        found = await from_memory(tx, ReadFeed(), after)
    assert found is not None
    assert found[0] == entries[:2]


async def test_numbers_that_come_again_in_an_older_state_that_was_put_back_are_not_taken_for_those_of_before(
    orders_database: Database,
) -> None:
    after = await now(orders_database)
    await placed(orders_database, BASKET)
    assert await remembered(orders_database, after)
    async with orders_database.transaction() as tx:
        await tx.execute("UPDATE order_events SET recorded_at = recorded_at + interval '1 second', actor = 'eve'")
    assert await remembered(orders_database, after) is None


async def test_a_page_has_no_more_than_is_asked_for_and_goes_on_with_the_next_turn(orders_database: Database) -> None:
    after = await now(orders_database)
    for _ in range(3):
        await deliver(orders_database, create(BASKET), create(BASKET))
    async with orders_database.transaction() as tx:
        told, place = [], after
        while place < await end_of_feed(tx):
            found = await from_memory(tx, ReadFeed(limit=3), place)
            assert found is not None
            some, place = found
            assert len(some) in (0, 2)
            told += some
        assert told == await from_log(tx, ReadFeed(), after, place)
        assert await from_memory(tx, ReadFeed(limit=1), after) is None


def written(entries: int, at: datetime = NOW) -> Written:
    ids = [UUID(int=number) for number in range(entries)]
    names = [""] * entries
    return Written(at, ids, [1] * entries, names, Columns(names, names, names, names, list(names)))


def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "MOST_BYTES", 2 * written(4).size)
    kept = Recent()
    for turn in range(20):
        kept.remember(turn, written(4))
    assert kept.find(17, 4, NOW, NOW) is None
    assert kept.find(18, 4, NOW, NOW)
    assert kept.find(19, 4, NOW, NOW)


def test_statements_of_one_transaction_are_one_turn() -> None:
    kept, later = Recent(), NOW + timedelta(seconds=1)
    kept.remember(7, written(2))
    kept.remember(7, written(1, later))
    assert kept.find(7, 3, NOW, later)
    assert kept.find(7, 2, NOW, NOW) is None
    assert kept.find(7, 3, NOW, NOW) is None


def test_what_nobody_reads_is_not_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    kept = Recent()
    with patch("time.monotonic") as clock:
        clock.return_value = 100.0
        before = kept.is_read
        kept.note_read()
        soon = kept.is_read
        clock.return_value += recent.READ_SECONDS
        assert (before, soon, kept.is_read) == (False, True, False)


class Reading(RuleBasedStateMachine):
    """Orders are placed and changed by transactions that overlap, ours and those of others, and read at any time."""

    orders = Bundle("orders")
    places = Bundle("places")

    def __init__(self, database: Database, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.database = database
        self.loop = loop
        self.begin = self.loop.run_until_complete(now(database))
        self.open: tuple[AsyncExitStack, Transaction] | None = None
        self.touched: set[UUID] = set()

    def do(self, messages: Sequence[Message], *, in_open: bool, is_ours: bool) -> None:
        Recent.is_read = is_ours  # type: ignore[method-assign, assignment]  # the fixture puts it back
        batch = [received(message) for message in messages]
        if in_open:
            self.touched |= {message.order_id for message in messages}  # type: ignore[attr-defined]  # all have one
            if self.open is None:
                stack = AsyncExitStack()
                self.open = stack, self.loop.run_until_complete(stack.enter_async_context(self.database.transaction()))
            self.loop.run_until_complete(handle(batch, self.open[1]))
        else:
            self.loop.run_until_complete(deliver(self.database, *batch))

    @rule(target=orders, count=st.integers(1, 3), in_open=st.booleans(), is_ours=st.booleans())
    def place(self, count: int, *, in_open: bool, is_ours: bool) -> UUID:
        commands = [replace(create(BASKET), customer_id=f"customer-{number}") for number in range(count)]
        self.do(commands, in_open=in_open, is_ours=is_ours)
        return commands[-1].order_id

    @rule(
        order_id=consumes(orders),
        kind=st.sampled_from([CancelOrder, StockReserved]),
        in_open=st.booleans(),
        is_ours=st.booleans(),
    )
    def change(self, order_id: UUID, kind: type[Any], *, in_open: bool, is_ours: bool) -> None:
        if in_open or order_id not in self.touched:  # or it would wait for the one that is open
            self.do([kind(order_id)], in_open=in_open, is_ours=is_ours)

    @rule(is_kept=st.booleans())
    def end(self, *, is_kept: bool) -> None:
        if self.open is not None:
            stack, _ = self.open
            self.open = None
            self.touched.clear()
            error = (None, None, None) if is_kept else (KeyError, KeyError(), None)
            self.loop.run_until_complete(stack.__aexit__(*error))

    @rule(target=places, limit=st.sampled_from([1, 2, 3, 1000]), everything=st.booleans(), after=st.none() | places)
    def read(self, limit: int, after: Place | None, *, everything: bool) -> Place:
        query = ReadFeed(limit=limit) if everything else ReadFeed(limit=limit, customer_ids=("customer-1",))
        return self.loop.run_until_complete(self.compare(query, after or self.begin))

    async def compare(self, query: ReadFeed, after: Place) -> Place:
        async with self.database.transaction() as tx:
            found = await from_memory(tx, query, after)
            if found is None:
                return (await feed._read(query, after, await end_of_feed(tx), tx))[1]  # noqa: SLF001
            assert found[0] == await from_log(tx, query, after, found[1])
            return found[1]

    def teardown(self) -> None:
        self.end(is_kept=False)


@pytest.mark.timeout(600)  # a failure is made as small as can be before it is told
def test_whatever_happens_memory_tells_what_the_log_says(
    orders_database: Database, loop: asyncio.AbstractEventLoop
) -> None:
    run_state_machine_as_test(lambda: Reading(orders_database, loop))  # type: ignore[arg-type]  # a function will do
