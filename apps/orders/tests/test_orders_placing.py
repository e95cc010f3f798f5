import asyncio
from uuid import uuid4

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from apps.orders.tests.desk import Told, confirmed, create, created, deliver, get, handle, log, placed, somebody_waits
from onhand.common.contracts import (
    GetOrder,
    GetTimeline,
    Line,
    OrderDetails,
    OrderReceipt,
    OrderReplayed,
    RequestRefused,
    StockReserved,
)
from onhand.common.database import Database
from onhand.common.testing import received

BASKET = {"apple": 3, "pear": 1}
LINES = (Line("apple", 3), Line("pear", 1))


async def count_orders(database: Database) -> int:
    async with database.transaction() as tx:
        count: int = await tx.fetchval("SELECT count(*) FROM orders")
        return count


async def test_an_order_is_stored_logged_published_and_answered(orders_database: Database) -> None:
    command = create(
        BASKET, policy="backorder", reservation_id=uuid4(), reference="A-1", metadata={"gift": "yes", "to": "été"}
    )
    told = await deliver(orders_database, command)
    assert told == Told([created(command)], [OrderReceipt(order_id=command.order_id, status="pending", lines=LINES)])
    assert await log(orders_database, command.order_id) == ["order-created"]
    stored = await get(orders_database, command.order_id)
    assert (stored.customer_id, stored.status, stored.fulfilment) == ("ann", "pending", "unfulfilled")
    assert (stored.policy, stored.reference, stored.metadata) == ("backorder", "A-1", {"gift": "yes", "to": "été"})
    assert stored.reservation_id == command.reservation_id
    assert [(line.product_id, line.ordered, line.reserved, line.cancelled) for line in stored.lines] == [
        ("apple", 3, 0, 0),
        ("pear", 1, 0, 0),
    ]


async def test_an_order_without_any_extras_is_told_without_them(orders_database: Database) -> None:
    stored = await get(orders_database, await placed(orders_database, {"apple": 1}))
    assert stored.policy == "all-or-nothing"
    assert (stored.reason, stored.reservation_id, stored.reference, stored.metadata) == (UNSET,) * 4


async def test_whoever_orders_one_product_is_answered_with_one_product(orders_database: Database) -> None:
    command = create({"apple": 3}, as_product=True)
    receipt = OrderReceipt(order_id=command.order_id, status="pending", product_id="apple", quantity=3)
    assert (await deliver(orders_database, command)).replies == [receipt]
    await deliver(orders_database, StockReserved(command.order_id))
    assert (await deliver(orders_database, command)).replies == [replace(receipt, status="confirmed")]


async def test_a_command_that_comes_again_makes_no_second_order_and_gets_the_stored_one(
    orders_database: Database,
) -> None:
    command = create(BASKET)
    await deliver(orders_database, command)
    await deliver(orders_database, StockReserved(command.order_id))
    told = await deliver(orders_database, command, command)
    assert told == Told([], [OrderReceipt(order_id=command.order_id, status="confirmed", lines=LINES)] * 2)
    assert await log(orders_database, command.order_id) == ["order-created", "order-confirmed"]


async def test_a_command_twice_in_one_batch_makes_one_order(orders_database: Database) -> None:
    command = create(BASKET)
    told = await deliver(orders_database, command, create(BASKET), command)
    assert len(told.events) == 2
    assert told.replies[0] == told.replies[2] == OrderReceipt(order_id=command.order_id, status="pending", lines=LINES)


async def test_two_replicas_storing_the_same_orders_at_once_publish_each_once(orders_database: Database) -> None:
    commands = [create(BASKET) for _ in range(20)]
    told = await asyncio.gather(
        *(deliver(orders_database, *(commands if number % 2 else reversed(commands))) for number in range(6))
    )
    assert sum(len(each.events) for each in told) == 20
    assert all(len(each.replies) == 20 for each in told)


async def test_another_command_with_the_same_key_gets_the_first_ones_order(orders_database: Database) -> None:
    first = create(BASKET, idempotency_key="k")
    await deliver(orders_database, first)
    await deliver(orders_database, StockReserved(first.order_id))
    again = replace(first, order_id=uuid4())
    for _ in range(2):  # the second time it is redelivered
        told = await deliver(orders_database, again)
        assert told == Told([], [OrderReplayed(order_id=first.order_id, status="confirmed", lines=LINES)])
    assert await count_orders(orders_database) == 1


async def test_the_first_command_redelivered_is_not_taken_for_a_repetition(orders_database: Database) -> None:
    first = create(BASKET, idempotency_key="k")
    await deliver(orders_database, first)
    told = await deliver(orders_database, first)
    assert told == Told([], [OrderReceipt(order_id=first.order_id, status="pending", lines=LINES)])


async def test_of_two_commands_with_one_key_in_one_batch_the_first_makes_the_order(orders_database: Database) -> None:
    first = create(BASKET, idempotency_key="k")
    second = replace(first, order_id=uuid4(), as_product=True)
    told = await deliver(orders_database, first, second)
    assert told.events == [created(first)]
    assert told.replies == [
        OrderReceipt(order_id=first.order_id, status="pending", lines=LINES),
        OrderReplayed(order_id=first.order_id, status="pending", product_id="apple", quantity=3),
    ]


async def test_a_key_that_is_used_for_another_order_is_refused_and_makes_none(orders_database: Database) -> None:
    first = create(BASKET, idempotency_key="k", metadata={"gift": "yes"})
    others = (
        replace(first, order_id=uuid4(), customer_id="bob"),
        replace(first, order_id=uuid4(), lines=LINES[:1]),
        replace(first, order_id=uuid4(), policy="ship-available"),
        replace(first, order_id=uuid4(), reservation_id=uuid4()),
        replace(first, order_id=uuid4(), reference="A-1"),
        replace(first, order_id=uuid4(), metadata={"gift": "no"}),
    )
    together, later = await deliver(orders_database, first, *others), await deliver(orders_database, *others)
    assert together.events == [created(first)]
    assert later.events == []
    for reply in (*together.replies[1:], *later.replies):
        assert isinstance(reply, RequestRefused)
        assert reply.code == "idempotency-key-reused"
    assert await count_orders(orders_database) == 1


async def test_keys_are_told_apart_and_orders_without_one_are_not_alike(orders_database: Database) -> None:
    commands = [create(BASKET, **key) for key in ({"idempotency_key": "k"}, {"idempotency_key": "K"}, {}, {})]
    assert len((await deliver(orders_database, *commands)).events) == 4


async def test_of_200_commands_with_one_key_spread_over_many_batches_one_makes_an_order(
    orders_database: Database,
) -> None:
    first = create(BASKET, idempotency_key="k")
    commands = [first, *(replace(first, order_id=uuid4()) for _ in range(199))]
    told = await asyncio.gather(
        *(deliver(orders_database, *commands[start : start + 25]) for start in range(0, 200, 25))
    )
    (event,) = [event for each in told for event in each.events]
    replies = [reply for each in told for reply in each.replies]
    assert len(replies) == 200
    assert {reply.order_id for reply in replies if isinstance(reply, OrderReceipt)} == {event.order_id}  # type: ignore[attr-defined]  # it is OrderCreated
    assert sum(isinstance(reply, OrderReplayed) for reply in replies) == 199
    assert await count_orders(orders_database) == 1


async def test_a_command_waits_for_the_one_that_came_first_with_its_key(orders_database: Database) -> None:
    """And for all keys of a batch: nobody waits for whoever waits for him."""
    for turn in range(5):
        firsts = [create(BASKET, idempotency_key=f"{turn}/{number}") for number in range(300)]
        again = [replace(first, order_id=uuid4()) for first in reversed(firsts)]
        ones, others = await asyncio.gather(deliver(orders_database, *firsts), deliver(orders_database, *again))
        assert len(ones.events) + len(others.events) == 300
    assert await count_orders(orders_database) == 5 * 300


async def test_if_the_first_with_a_key_is_rolled_back_the_second_makes_the_order(orders_database: Database) -> None:
    first, second = (create(BASKET, idempotency_key="k") for _ in range(2))
    waiting: list[asyncio.Task[Told]] = []

    async def store_and_fail() -> None:
        async with orders_database.transaction() as tx:
            await handle([received(first)], tx)
            waiting.append(asyncio.create_task(deliver(orders_database, second)))
            await somebody_waits(orders_database)
            raise LookupError

    with pytest.raises(LookupError):
        await store_and_fail()
    assert (await waiting[0]).events == [created(second)]
    assert await count_orders(orders_database) == 1


async def test_orders_nobody_knows_are_refused_by_name(orders_database: Database) -> None:
    known, unknown = await confirmed(orders_database, BASKET), uuid4()
    told = await deliver(orders_database, GetOrder(unknown), GetOrder(known), GetTimeline(unknown))
    refused, details, no_timeline = told.replies
    assert isinstance(details, OrderDetails)
    for reply in (refused, no_timeline):
        assert isinstance(reply, RequestRefused)
        assert (reply.code, str(unknown) in reply.detail) == ("order-not-found", True)
