"""Messages that are sent once more change nothing, and if they do it is found."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from onhand.cli.verification.findings import Finding
from onhand.cli.verification.replay import replay_latest
from onhand.cli.verification.snapshots import Books
from onhand.common.contracts import CreateOrder, OrderCreated, StockRejected, StockReserved
from onhand.common.messaging.envelope import Envelope, decode
from onhand.common.messaging.streams import Streams
from tests.verification.broken import MILK, TEA
from toy import acknowledge, read

GROUPS = {CreateOrder.TOPIC: "orders", OrderCreated.TOPIC: "inventory", StockReserved.TOPIC: "orders"}

Effect = Callable[[Envelope], Awaitable[object]]


@asynccontextmanager
async def services(streams: Streams, effect: Effect) -> AsyncIterator[list[Envelope]]:
    """In place of the services, something that does to each message what a test wants; yields what it has read."""
    seen: list[Envelope] = []
    for topic, group in GROUPS.items():
        await streams.create_groups(group, [topic])

    async def serve() -> None:
        while True:
            for topic, group in GROUPS.items():
                entries = await read(streams, group, [topic], count=100)
                for entry in entries:
                    seen.append(decode(entry.payload or b""))
                    await effect(seen[-1])
                await acknowledge(streams, group, [topic], entries)

    task = asyncio.create_task(serve())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.wait({task})


async def nothing(_: Envelope) -> None:
    """Do as the services do."""


async def test_the_messages_of_the_latest_orders_are_sent_again_with_their_ids(books: Books, streams: Streams) -> None:
    async with books.orders.transaction() as tx:
        rows = await tx.fetch("SELECT caused_by FROM order_events WHERE order_id = $1 ORDER BY version", MILK)
    async with services(streams, nothing) as seen:
        assert await replay_latest(books, streams, 1, within_seconds=10) == []
    messages = {it.type: it for it in seen}
    assert messages.keys() == {CreateOrder.TYPE, OrderCreated.TYPE, StockRejected.TYPE}
    assert {it.subject for it in seen} == {str(MILK)}
    assert [messages[it.TYPE].id for it in (CreateOrder, StockRejected)] == [row["caused_by"] for row in rows]
    assert b"insufficient-stock" in bytes(messages[StockRejected.TYPE].data)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE orders SET updated_at = now()", "order"),
        ("INSERT INTO order_events SELECT order_id, 3, type, data, 'x' FROM order_events WHERE version = 2", "log"),
    ],
)
async def test_an_order_that_is_changed_by_a_replay_is_named(
    books: Books, streams: Streams, statement: str, what: str
) -> None:
    async def effect(message: Envelope) -> None:
        if message.type == StockReserved.TYPE:
            async with books.orders.transaction() as tx:
                await tx.execute(f"{statement} {'AND' if 'WHERE' in statement else 'WHERE'} order_id = '{TEA}'")

    async with services(streams, effect):
        findings = await replay_latest(books, streams, 2, within_seconds=10)
    assert findings == [Finding("I4", str(TEA), f"had its {what} changed by a replay")]


async def test_a_decision_that_is_changed_by_a_replay_is_named(books: Books, streams: Streams) -> None:
    async def effect(message: Envelope) -> None:
        if message.type == OrderCreated.TYPE:
            async with books.inventory.transaction() as tx:
                await tx.execute("UPDATE reservations SET decided_at = now() WHERE product_id = 'milk'")

    async with services(streams, effect):
        findings = await replay_latest(books, streams, 2, within_seconds=10)
    assert findings == [Finding("I4", str(MILK), "had its reservation changed by a replay")]


async def test_a_replay_that_nobody_handles_is_told(books: Books, streams: Streams) -> None:
    findings = await replay_latest(books, streams, 2, within_seconds=0.1)
    assert findings == [Finding("I4", "streams", "still hold replayed messages after 0.1 s")]
