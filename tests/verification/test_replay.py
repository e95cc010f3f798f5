"""Messages that are sent once more change nothing, and if they do it is found."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from onhand.cli.verification.findings import Finding
from onhand.cli.verification.replay import replay_latest
from onhand.cli.verification.snapshots import Books
from onhand.common.contracts import (
    CONTRACTS,
    AllocationNoted,
    CancelOrder,
    CountStock,
    CreateOrder,
    FulfilOrder,
    HoldStock,
    LineShortage,
    Message,
    OrderCancelled,
    OrderCreated,
    OrderFulfilled,
    OrderReturned,
    ReceiveStock,
    ReleaseHold,
    ReturnOrder,
    StockRejected,
    StockReleased,
    StockReserved,
    StockReturned,
    StockShipped,
)
from onhand.common.messaging.envelope import Envelope, Received, decode, read_as
from onhand.common.messaging.streams import Streams
from tests.verification.breaking import CANCELLED, HELD, LATER, MILK, SENT, TEA, USED, WAITING
from tests.verification.office import bring, bring_one
from toy import acknowledge, read

GROUPS = {
    CreateOrder.TOPIC: "orders",
    OrderCreated.TOPIC: "inventory",
    StockReserved.TOPIC: "orders",
    HoldStock.TOPIC: "inventory",
}

Effect = Callable[[Envelope], Awaitable[object]]


@asynccontextmanager
async def services(streams: Streams, effect: Effect) -> AsyncIterator[list[Envelope]]:
    """In place of the services, something that does to each message what a test wants; yields what it has read."""
    seen: list[Envelope] = []
    for topic, group in GROUPS.items():
        await streams.create_group(group, topic)

    async def serve() -> None:
        while True:
            for topic, group in GROUPS.items():
                entries = await read(streams, group, topic, count=100)
                for entry in entries:
                    seen.append(decode(entry.payload or b""))
                    await effect(seen[-1])
                await acknowledge(streams, group, topic, entries)

    task = asyncio.create_task(serve())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.wait({task})


async def nothing(_: Envelope) -> None:
    """Do as the services do."""


async def told_again(books: Books, streams: Streams, count: int = 20) -> list[Envelope]:
    async with services(streams, nothing) as seen:
        assert await replay_latest(books, streams, count, within_seconds=10) == []
    return seen


async def test_the_messages_of_the_latest_orders_are_sent_again_with_their_ids(books: Books, streams: Streams) -> None:
    async with books.orders.transaction() as tx:
        query = "SELECT caused_by FROM order_events WHERE order_id = $1 ORDER BY version"
        causes = [row["caused_by"] for row in await tx.fetch(query, MILK)]
    messages = {it.type: it for it in await told_again(books, streams) if it.subject == str(MILK)}
    assert messages.keys() == {CreateOrder.TYPE, OrderCreated.TYPE, StockRejected.TYPE}
    assert [messages[it.TYPE].id for it in (CreateOrder, StockRejected)] == causes
    assert read_as(StockRejected, messages[StockRejected.TYPE]).lines == (LineShortage("milk", 9, 1),)


@pytest.mark.parametrize(
    ("order_id", "kinds"),
    [
        (CANCELLED, {CancelOrder, OrderCancelled, StockReleased}),
        (
            SENT,
            {FulfilOrder, OrderFulfilled, StockShipped, ReturnOrder, OrderReturned, StockReturned},
        ),
        (WAITING, {AllocationNoted}),
        (LATER, set()),
    ],
)
async def test_all_that_was_said_of_an_order_is_said_again(
    books: Books, streams: Streams, order_id: UUID, kinds: set[type[Message]]
) -> None:
    told = [it for it in await told_again(books, streams) if it.subject == str(order_id)]
    always: set[type[Message]] = {CreateOrder, OrderCreated, StockReserved}
    assert {it.type for it in told} == {it.TYPE for it in always | kinds}
    assert len({it.id for it in told}) == len(told)


async def test_movements_and_holds_that_have_ended_are_asked_for_again(books: Books, streams: Streams) -> None:
    told = Counter((it.type, it.subject) for it in await told_again(books, streams))
    assert told[ReceiveStock.TYPE, "jam"] == 1
    assert sum(count for (kind, _), count in told.items() if kind == CountStock.TYPE) == 4
    assert told[HoldStock.TYPE, str(USED)] == told[ReleaseHold.TYPE, str(USED)] == 1
    assert not told[HoldStock.TYPE, str(HELD)], "its customer may do something to it meanwhile"


async def test_what_the_services_are_told_again_changes_nothing(books: Books, streams: Streams) -> None:
    async def effect(message: Envelope) -> None:
        kind = {it.TYPE: it for it in CONTRACTS}[message.type]
        await bring_one(books, Received(read_as(kind, message), message))

    async with services(streams, effect) as seen:
        assert await replay_latest(books, streams, 20, within_seconds=10) == []
    assert len(seen) > 30


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE orders SET updated_at = now() WHERE order_id = '{}'", "order"),
        ("UPDATE order_events SET actor = 'x' WHERE order_id = '{}'", "log"),
        ("UPDATE order_changes SET data = '{{}}' WHERE order_id = '{}'", "changes"),
    ],
)
async def test_an_order_that_is_changed_by_a_replay_is_named(
    books: Books, streams: Streams, statement: str, what: str
) -> None:
    async def effect(message: Envelope) -> None:
        if message.type == StockReserved.TYPE:
            async with books.orders.transaction() as tx:
                await tx.execute(statement.format(SENT))

    async with services(streams, effect):
        findings = await replay_latest(books, streams, 20, within_seconds=1)
    assert findings == [Finding("I4", str(SENT), f"had its {what} changed by a replay")]


@pytest.mark.parametrize(
    ("statement", "subject", "what"),
    [
        ("UPDATE reservations SET decided_at = now() WHERE product_id = 'milk'", MILK, "reservation"),
        ("UPDATE holds SET ended_at = now() WHERE state = 'used'", USED, "hold"),
        ("UPDATE movements SET actor = 'x' WHERE product_id = 'milk'", UUID(int=101), "movement"),
        ("UPDATE movements SET actor = 'x' WHERE type = 'sale'", SENT, "sales and returns"),
    ],
)
async def test_what_is_changed_in_inventory_by_a_replay_is_named(
    books: Books, streams: Streams, statement: str, subject: UUID, what: str
) -> None:
    async def effect(message: Envelope) -> None:
        if message.type == OrderCreated.TYPE:
            async with books.inventory.transaction() as tx:
                await tx.execute(statement)

    async with services(streams, effect):
        findings = await replay_latest(books, streams, 20, within_seconds=1)
    assert findings == [Finding("I4", str(subject), f"had its {what} changed by a replay")]


async def test_an_order_that_somebody_changes_meanwhile_is_not_changed_by_the_replay(
    books: Books, streams: Streams
) -> None:
    async def effect(message: Envelope) -> None:
        if message.type == OrderCreated.TYPE and message.subject == str(TEA):
            await bring(books, CancelOrder(order_id=TEA))

    async with services(streams, effect):
        assert await replay_latest(books, streams, 20, within_seconds=10) == []


async def test_a_replay_that_nobody_handles_is_told(books: Books, streams: Streams) -> None:
    findings = await replay_latest(books, streams, 2, within_seconds=0.1)
    assert findings == [Finding("I4", "streams", "still hold replayed messages after 0.1 s")]
