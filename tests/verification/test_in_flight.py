"""What is only on its way is not found wrong, and what takes too long is."""

import asyncio
import time
from uuid import UUID

from onhand.cli.verification.snapshots import Books
from onhand.cli.verification.verdict import Options, verify
from onhand.common.contracts import Line, StockReserved
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.streams import Streams
from onhand.common.testing import received
from onhand.inventory.handlers.holds import expire_holds
from tests.verification.conftest import new_order
from tests.verification.office import bring_one
from toy import acknowledge, append, read

COFFEE = UUID(int=30)


async def test_an_order_and_an_entry_that_arrive_in_time_are_not_wrong(books: Books, streams: Streams) -> None:
    (created,) = await bring_one(books, received(new_order(COFFEE, Line("coffee", 1))))
    (answer,) = await bring_one(books, created)
    await streams.create_group("orders", StockReserved.TOPIC)
    await append(streams, [Outgoing(StockReserved.TOPIC, "coffee", b"{}")])
    seen = []
    waits = asyncio.Event()

    def show(what: str, done: int, of: int) -> None:
        seen.append((what, done, of))
        if what.startswith("waiting"):
            waits.set()

    verifying = asyncio.create_task(verify(books, streams, Options(within_seconds=30), show))
    await waits.wait()
    await bring_one(books, answer)
    await acknowledge(streams, "orders", StockReserved.TOPIC, await read(streams, "orders", StockReserved.TOPIC))

    assert (await verifying).holds
    assert ("reading orders", 9, 9) in seen
    assert ("waiting for orders", 0, 1) in seen


async def test_what_comes_after_the_first_look_is_not_waited_for(books: Books, streams: Streams) -> None:
    await streams.create_group("orders", StockReserved.TOPIC)
    await append(streams, [Outgoing(StockReserved.TOPIC, "coffee", b"{}")])
    entries = await read(streams, "orders", StockReserved.TOPIC)
    waits = asyncio.Event()

    def show(what: str, *_: int) -> None:
        if what.startswith("waiting"):
            waits.set()

    verifying = asyncio.create_task(verify(books, streams, Options(within_seconds=30), show))
    await waits.wait()
    await bring_one(books, received(new_order(COFFEE, Line("coffee", 1))))
    await append(streams, [Outgoing(StockReserved.TOPIC, "coffee", b"{}")])
    async with books.inventory.transaction() as tx:
        await tx.execute("INSERT INTO unanswered_events (fact, type, event) VALUES ('1/1', 'x', '')")
        await tx.execute("UPDATE holds SET expires_at = now() WHERE state = 'active'")
    async with books.orders.transaction() as tx:
        await tx.execute("INSERT INTO outbox (events, messages) VALUES (1, '[]')")
    await acknowledge(streams, "orders", StockReserved.TOPIC, entries)

    assert (await verifying).holds


async def test_what_is_wrong_for_too_long_is_wrong(books: Books, streams: Streams) -> None:
    await bring_one(books, received(new_order(COFFEE, Line("coffee", 1))))
    begun = time.monotonic()
    verdict = await verify(books, streams, Options(within_seconds=0.6), lambda *_: None)
    assert time.monotonic() - begun >= 0.6
    found = [finding for check in verdict.checks for finding in check.findings]
    assert [(it.invariant, it.subject, it.problem) for it in found] == [("I3", str(COFFEE), "is still pending")]


async def test_an_event_that_is_answered_and_a_hold_that_expires_in_time_are_not_wrong(
    books: Books, streams: Streams
) -> None:
    async with books.inventory.transaction() as tx:
        await tx.execute("INSERT INTO unanswered_events (fact, type, event) VALUES ('1/1', 'x', '')")
        await tx.execute("UPDATE holds SET expires_at = now() WHERE state = 'active'")
    waits = asyncio.Event()

    def show(what: str, *_: int) -> None:
        if what.startswith("waiting"):
            waits.set()

    verifying = asyncio.create_task(verify(books, streams, Options(within_seconds=30), show))
    await waits.wait()
    async with books.inventory.transaction() as tx:
        await tx.execute("DELETE FROM unanswered_events")
        assert await expire_holds(tx)

    assert (await verifying).holds
