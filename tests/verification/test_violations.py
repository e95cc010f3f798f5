"""Whatever is broken in the databases or left on the streams is found, and named."""

import random
from uuid import UUID

import pytest

from onhand.cli.output import show_verdict
from onhand.cli.verification import snapshots
from onhand.cli.verification.findings import Verdict
from onhand.cli.verification.snapshots import Books
from onhand.cli.verification.verdict import Options, verify
from onhand.common.contracts import OrderConfirmed, StockReserved
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.janitor import READERS
from onhand.common.messaging.streams import Streams
from tests.verification.breaking import Broken
from tests.verification.broken import BROKEN, FORBIDDEN
from toy import append, read

AT_ONCE = Options(within_seconds=0)


async def verdict_on(books: Books, streams: Streams, options: Options = AT_ONCE) -> Verdict:
    return await verify(books, streams, options, lambda *_: None)


async def break_it(books: Books, broken: Broken) -> None:
    async with dict(books.by_service())[broken.service].transaction() as tx:
        await tx.execute(broken.statements)


def said(verdict: Verdict, invariant: str) -> dict[str, str]:
    """What is found of each subject."""
    found: dict[str, str] = {}
    for it in (it for check in verdict.checks for it in check.findings if it.invariant == invariant):
        found[it.subject] = f"{found[it.subject]}; {it.problem}" if it.subject in found else it.problem
    return found


async def test_what_the_services_wrote_holds(books: Books, streams: Streams) -> None:
    verdict = await verdict_on(books, streams)
    assert verdict.holds
    assert [(check.invariant, check.checked, check.violations) for check in verdict.checks] == [
        ("I1", 8, 0),
        ("I2", 4, 0),
        ("I3", 8, 0),
        ("I4", 8, 0),
        ("I5", 7, 0),
    ]


@pytest.mark.parametrize("broken", [pytest.param(broken, id=name) for name, broken in {**BROKEN, **FORBIDDEN}.items()])
async def test_what_is_broken_is_found_and_named_also_if_the_tables_forbid_it(
    books: Books, streams: Streams, broken: Broken
) -> None:
    await break_it(books, broken)
    verdict = await verdict_on(books, streams)
    assert not verdict.holds
    assert {check.invariant for check in verdict.checks if not check.holds} == broken.found.keys()
    for invariant, (subject, problem) in broken.found.items():
        assert problem in said(verdict, invariant)[str(subject)]


async def test_an_entry_that_nobody_reads_is_found(books: Books, streams: Streams) -> None:
    await streams.create_group("orders", StockReserved.TOPIC)
    await append(streams, [Outgoing(StockReserved.TOPIC, "coffee", b"{}")] * 3, apart=True)
    found = said(await verdict_on(books, streams), "I5")
    assert found == {"inventory.events.{0}": "has 3 entries to read for group orders and 0 to acknowledge"}


async def test_an_entry_that_a_group_will_never_read_because_its_service_is_gone_is_found_with_what_to_do(
    books: Books, streams: Streams
) -> None:
    await streams.create_group("notifications", StockReserved.TOPIC)
    await append(streams, [Outgoing(StockReserved.TOPIC, "coffee", b"{}")])
    found = said(await verdict_on(books, streams), "I5")
    assert "nobody reads for it: `onhand forget notifications`" in found["inventory.events.{0}"]


async def test_entries_that_no_group_of_ours_reads_are_found_unless_they_are_news_or_not_ours(
    books: Books, streams: Streams
) -> None:
    for topic in (StockReserved.TOPIC, StockReserved.TOPIC, OrderConfirmed.TOPIC, "notifications.events"):
        await append(streams, [Outgoing(topic, "coffee", b"{}")])
    found = said(await verdict_on(books, streams), "I5")
    assert found == {"inventory.events.{0}": "group orders, which has to read it, is not there; it has 2 entries"}


async def test_a_group_of_ours_that_is_missing_is_found_though_another_reads_the_stream(
    books: Books, streams: Streams
) -> None:
    for topic, group in READERS.items():
        await streams.create_group("notifications", topic)
        if group == "orders":
            await streams.create_group(group, topic)
    found = said(await verdict_on(books, streams), "I5")
    missing = "group inventory, which has to read it, is not there"
    assert found == {f"{topic}.{{0}}": missing for topic, group in READERS.items() if group == "inventory"}


async def test_an_entry_that_nobody_acknowledges_is_found(books: Books, streams: Streams) -> None:
    await streams.create_group("orders", StockReserved.TOPIC)
    await append(streams, [Outgoing(StockReserved.TOPIC, "coffee", b"{}")])
    await read(streams, "orders", StockReserved.TOPIC)
    found = said(await verdict_on(books, streams), "I5")
    assert (
        "has 0 entries to read for group orders and 1 to acknowledge, the first given" in found["inventory.events.{0}"]
    )


async def test_dead_letters_with_an_explanation_can_be_allowed(books: Books, streams: Streams) -> None:
    await break_it(books, BROKEN["a message was not handled"])
    await break_it(books, BROKEN["a message waits behind one that was not handled"])
    verdict = await verdict_on(books, streams, AT_ONCE._replace(allow_dead_letters=True))
    assert verdict.holds
    assert verdict.notes == [
        "orders has a dead letter from inventory.events: Oh: no",
        "orders has a message from inventory.events parked behind dead letters",
    ]


async def test_dead_letters_without_an_explanation_cannot_be_allowed(books: Books, streams: Streams) -> None:
    for _ in range(3):
        await break_it(books, BROKEN["a message was not handled"])
    async with books.orders.transaction() as tx:
        await tx.execute("UPDATE dead_letters SET error = ' '")
    verdict = await verdict_on(books, streams, AT_ONCE._replace(allow_dead_letters=True))
    assert said(verdict, "I5") == {"orders": "has 3 dead letters from inventory.events: without an explanation"}
    assert verdict.checks[-1].violations == 3


async def test_the_first_of_many_violations_are_shown_and_all_are_counted(
    books: Books, streams: Streams, capsys: pytest.CaptureFixture[str]
) -> None:
    async with books.inventory.transaction() as tx:
        await tx.execute(
            "INSERT INTO products (product_id) SELECT n FROM generate_series(1, 50) n;"
            "INSERT INTO stock_levels (product_id, location_id, on_hand, reserved)"
            " SELECT n, 'main', 9, 9 FROM generate_series(1, 50) n;"
            "INSERT INTO movements (movement_id, entry_no, type, product_id, location_id, quantity, on_hand)"
            " SELECT gen_random_uuid(), 1, 'count', n, 'main', 9, 9 FROM generate_series(1, 50) n;"
            "INSERT INTO reservations"
            " (holder_id, row_no, line_no, product_id, location_id, requested, granted, available)"
            " SELECT gen_random_uuid(), 1, 0, n, 'main', 1, 1, 9 FROM generate_series(1, 50) n"
        )
    verdict = await verdict_on(books, streams)
    show_verdict(verdict)
    shown = capsys.readouterr().out
    for check in verdict.checks:
        expected = (50, 20) if check.invariant in {"I2", "I3"} else (0, 0)
        assert (check.violations, len(check.findings)) == expected
    assert shown.count("and 30 more") == 2
    assert shown.count("has 9 reserved at main, but orders and holds have 1") == 20


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
async def test_every_order_is_put_together_from_its_parts_however_many_rows_are_read_at_a_time(
    books: Books, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_ROWS", rows)
    choose = random.Random(rows)  # noqa: S311  # any choice will do
    order_ids = [UUID(int=number) for number in range(1, 31)]
    parts = ("orders", "log", "shares", "movements", "uses")
    there = {part: {it for it in order_ids if choose.random() < 0.6} for part in parts}
    async with books.orders.transaction() as tx:
        await tx.execute("DELETE FROM orders; DELETE FROM order_events")
        await tx.execute(
            "INSERT INTO orders (order_id, customer_id, lines, status)"
            " SELECT unnest($1::uuid[]), 'ann', '[]', 'pending'",
            there["orders"],
        )
        await tx.execute(
            "INSERT INTO order_events (order_id, version, type, data, caused_by, source)"
            " SELECT order_id, version, 'x', '{}', 'x', 'x'"
            " FROM unnest($1::uuid[]) order_id, generate_series(1, 3) version",
            there["log"],
        )
    async with books.inventory.transaction() as tx:
        await tx.execute("DELETE FROM reservations; DELETE FROM movements; DELETE FROM holds")
        await tx.execute(
            "INSERT INTO reservations (holder_id, row_no, line_no, product_id, requested, granted, available)"
            " SELECT order_id, row_no, 0, 'tea', 1, 0, 1"
            " FROM unnest($1::uuid[]) order_id, generate_series(1, 2) row_no",
            there["shares"],
        )
        await tx.execute(
            "INSERT INTO movements"
            " (movement_id, entry_no, type, product_id, location_id, quantity, on_hand, order_id)"
            " SELECT gen_random_uuid(), 1, 'sale', 'tea', 'main', -1, 1, unnest($1::uuid[])",
            there["movements"],
        )
        await tx.execute(
            "INSERT INTO holds (reservation_id, state, lines, ttl_seconds, expires_at, ended_at, order_id)"
            " SELECT gen_random_uuid(), 'used', '[]', 1, now(), now(), unnest($1::uuid[])",
            there["uses"],
        )
    async with books.snapshot() as snapshot:
        stories = [story async for some in snapshot.stories() for story in some]
        again = [story async for some in snapshot.stories(order_ids[10:20]) for story in some]
    assert sorted(it.order_id for it in stories) == sorted(set().union(*there.values()))
    assert {it.order_id for it in stories if it.order} == there["orders"]
    assert {it.order_id for it in stories if [entry.version for entry in it.log] == [1, 2, 3]} == there["log"]
    assert {it.order_id for it in stories if [share.row_no for share in it.shares] == [1, 2]} == there["shares"]
    assert {it.order_id for it in stories if len(it.movements) == 1} == there["movements"]
    assert {it.order_id for it in stories if len(it.uses) == 1} == there["uses"]
    assert sorted(again) == sorted(it for it in stories if it.order_id in order_ids[10:20])
