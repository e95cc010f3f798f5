"""Two transactions at once, as two replicas have them: one waits for the other, and does what is right by then."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from apps.orders.tests.desk import (
    Told,
    backordered,
    confirmed,
    counters,
    create,
    deliver,
    expected,
    fulfil,
    get,
    granting,
    handle,
    log,
    placed,
    refusal,
    rejecting,
    somebody_waits,
    take_back,
)
from onhand.common.contracts import (
    AllocationNoted,
    CancelOrder,
    FulfilOrder,
    Message,
    OrderDetails,
    OrderFulfilled,
    RequestRefused,
    StockReserved,
)
from onhand.common.database import Database
from onhand.common.testing import received

BASKET = {"apple": 3, "pear": 2}


async def in_turn(database: Database, first: Message, second: Message) -> Told:
    """Let the second come while the first is carried out and not yet committed; returns what the second leads to."""
    async with database.transaction() as tx:
        await handle([received(first)], tx)
        waiting = asyncio.create_task(deliver(database, second))
        await somebody_waits(database)
    return await waiting


async def test_an_order_that_is_being_sent_off_is_not_cancelled(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    parcel = fulfil(order_id, {"apple": 1})
    told = await in_turn(orders_database, parcel, CancelOrder(order_id))
    assert (told.events, refusal(told)) == ([], ("order-state", "partially-fulfilled", None))
    assert await counters(orders_database, order_id) == [{"reserved": 2, "fulfilled": 1}, {"reserved": 2}]
    assert await log(orders_database, order_id) == ["order-created", "order-confirmed", "order-fulfilled"]
    assert await expected(orders_database) == {str(parcel.fulfilment_id)}


async def test_an_order_that_is_being_cancelled_is_not_sent_off(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    told = await in_turn(orders_database, CancelOrder(order_id), fulfil(order_id))
    assert (told.events, refusal(told)) == ([], ("order-state", "cancelled", None))
    assert await counters(orders_database, order_id) == [{"cancelled": 3}, {"cancelled": 2}]
    assert await log(orders_database, order_id) == ["order-created", "order-confirmed", "order-cancelled"]
    assert await expected(orders_database) == {f"cancel/{order_id}"}


async def test_two_cancellations_at_once_give_back_what_was_held_once(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    told = await in_turn(orders_database, CancelOrder(order_id, "mine"), CancelOrder(order_id, "yours"))
    assert told == Told([], [await get(orders_database, order_id)])
    assert (await get(orders_database, order_id)).reason == "mine"


async def test_two_fulfilments_at_once_do_not_send_off_the_same_units(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    told = await in_turn(orders_database, fulfil(order_id, {"apple": 2}), fulfil(order_id, {"apple": 2}))
    assert (told.events, refusal(told)) == ([], ("line-state", "partially-fulfilled", "/lines/0/quantity"))


@pytest.mark.parametrize("change", [fulfil, take_back])
async def test_one_command_at_two_replicas_is_carried_out_once(
    orders_database: Database, change: Callable[[UUID, dict[str, int]], FulfilOrder]
) -> None:
    order_id = await confirmed(orders_database, BASKET)
    await deliver(orders_database, fulfil(order_id, {"apple": 2}))
    command = change(order_id, {"apple": 1})
    told = await in_turn(orders_database, command, command)
    assert told == Told([], [await get(orders_database, order_id)])
    assert len(await log(orders_database, order_id)) == 4


@pytest.mark.parametrize("is_reserved", [True, False])
async def test_an_answer_of_inventory_waits_for_a_cancellation_and_changes_nothing(
    orders_database: Database, *, is_reserved: bool
) -> None:
    order_id = await placed(orders_database, BASKET)
    answer = StockReserved(order_id) if is_reserved else rejecting(order_id, BASKET)
    assert await in_turn(orders_database, CancelOrder(order_id), answer) == Told([], [])
    assert await log(orders_database, order_id) == ["order-created", "order-cancelled"]


async def test_a_cancellation_waits_for_an_answer_of_inventory_and_cancels_what_it_has_become(
    orders_database: Database,
) -> None:
    reserved, rejected = [await placed(orders_database, BASKET) for _ in range(2)]
    told = await in_turn(orders_database, StockReserved(reserved), CancelOrder(reserved))
    assert (len(told.events), (await get(orders_database, reserved)).status) == (1, "cancelled")
    assert await log(orders_database, reserved) == ["order-created", "order-confirmed", "order-cancelled"]
    told = await in_turn(orders_database, rejecting(rejected, BASKET), CancelOrder(rejected))
    assert (told.events, refusal(told)) == ([], ("order-state", "rejected", None))


async def test_units_that_come_in_wait_for_a_cancellation_and_are_noted(orders_database: Database) -> None:
    order_id = await backordered(orders_database, BASKET, {"apple": 1})
    told = await in_turn(orders_database, CancelOrder(order_id), granting(order_id, BASKET, BASKET, 2))
    assert told.events == [AllocationNoted(order_id, 2)]
    assert await counters(orders_database, order_id) == [{"cancelled": 3}, {"cancelled": 2}]


async def test_units_that_come_in_while_others_are_sent_off_are_added_to_what_is_left(
    orders_database: Database,
) -> None:
    order_id = await backordered(orders_database, BASKET, {"apple": 2})
    await in_turn(orders_database, fulfil(order_id), granting(order_id, BASKET, BASKET, 2))
    assert await counters(orders_database, order_id) == [{"reserved": 1, "fulfilled": 2}, {"reserved": 2}]


async def test_one_fulfilment_id_for_two_orders_at_once_is_an_error_at_first_and_refused_when_it_is_tried_again(
    orders_database: Database,
) -> None:
    order_id, other = await confirmed(orders_database, BASKET), await confirmed(orders_database, BASKET)
    parcel = fulfil(order_id)
    with pytest.raises(Exception, match="order_changes_pkey"):
        await in_turn(orders_database, parcel, fulfil(other, None, parcel.fulfilment_id))
    assert await log(orders_database, other) == ["order-created", "order-confirmed"]
    told = await deliver(orders_database, fulfil(other, None, parcel.fulfilment_id))
    assert (told.events, refusal(told)) == ([], ("idempotency-key-reused", None, None))


async def test_many_cancellations_and_fulfilments_of_one_order_at_once_are_one_of_both(
    orders_database: Database,
) -> None:
    for _ in range(5):
        order_id = await confirmed(orders_database, BASKET)
        commands = [command for _ in range(4) for command in (CancelOrder(order_id), fulfil(order_id))]
        told = await asyncio.gather(*(deliver(orders_database, command) for command in commands))
        (event,) = [event for each in told for event in each.events]
        replies = [reply for each in told for reply in each.replies]
        # Every cancellation of a cancelled order is answered alike; of the fulfilments one is carried out.
        done = 1 if isinstance(event, OrderFulfilled) else 4
        assert sum(isinstance(reply, OrderDetails) for reply in replies) == done
        assert sum(isinstance(reply, RequestRefused) for reply in replies) == 8 - done
        assert len(await log(orders_database, order_id)) == 3


async def test_batches_with_several_kinds_of_messages_in_opposite_order_do_not_deadlock(
    orders_database: Database,
) -> None:
    def batches(one: UUID, other: UUID) -> tuple[Awaitable[Told], ...]:
        return (
            deliver(orders_database, StockReserved(other), granting(one, BASKET, BASKET)),
            deliver(orders_database, StockReserved(one), granting(other, BASKET, BASKET)),
            deliver(orders_database, fulfil(one), CancelOrder(other)),
            deliver(orders_database, fulfil(other), CancelOrder(one)),
        )

    for _ in range(20):  # a deadlock is an error of whoever is chosen to give up
        one, other = [await placed(orders_database, BASKET) for _ in range(2)]
        await asyncio.gather(*batches(one, other))


@pytest.mark.parametrize("kind", ["in part", "changed", "several kinds", "both answers"])
async def test_orders_that_are_read_before_they_are_changed_are_locked_by_id(
    orders_database: Database, kind: str
) -> None:
    low, high = sorted([await placed(orders_database, BASKET) for _ in range(2)])
    batches: dict[str, list[Message]] = {
        "in part": [granting(high, BASKET, BASKET), StockReserved(low)],
        "changed": [CancelOrder(high), CancelOrder(low)],
        "several kinds": [CancelOrder(low), fulfil(high)],
        "both answers": [StockReserved(high), rejecting(low, BASKET)],
    }
    async with orders_database.transaction() as first, orders_database.transaction() as second:
        await first.execute("SELECT FROM orders WHERE order_id = $1 FOR UPDATE", low)
        waiting = asyncio.create_task(deliver(orders_database, *batches[kind]))
        await somebody_waits(orders_database)
        await second.execute("SELECT FROM orders WHERE order_id = $1 FOR UPDATE NOWAIT", high)
    await waiting


async def test_new_orders_are_stored_in_the_order_of_their_keys(orders_database: Database) -> None:
    first, last = (create(BASKET, idempotency_key=key) for key in ("a", "z"))
    batch = [replace(command, order_id=uuid4()) for command in (last, first)]
    async with orders_database.transaction() as one, orders_database.transaction() as other:
        await handle([received(first)], one)
        waiting = asyncio.create_task(deliver(orders_database, *batch))
        await somebody_waits(orders_database)
        await other.execute("SET LOCAL lock_timeout = '1s'")
        await handle([received(last)], other)
    assert (await waiting).events == []
