"""Whatever comes again, in the same envelope or in another, changes nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from apps.orders.tests.desk import (
    Told,
    confirmed,
    counters,
    create,
    deliver,
    fulfil,
    get,
    granting,
    placed,
    refusal,
    rejecting,
    take_back,
)
from onhand.common.contracts import (
    AllocationNoted,
    BackorderPromised,
    CancelOrder,
    LinePromise,
    Message,
    StockReleased,
    StockReserved,
    StockReturned,
    StockShipped,
)
from onhand.common.database import Database
from onhand.common.messaging.envelope import Received
from onhand.common.testing import received
from onhand.orders.subscriptions import SUBSCRIPTIONS

BASKET = {"apple": 3, "pear": 2}
MAY = datetime(2027, 5, 1, tzinfo=UTC)


async def everything(database: Database) -> list[Any]:
    """All that Orders has stored but for which messages it has seen."""
    queries = ("TABLE orders", "TABLE order_events", "TABLE order_changes", "TABLE unanswered_events")
    async with database.transaction() as tx:
        return [sorted(map(str, await tx.fetch(query))) for query in queries]


def a_life() -> Sequence[Received[Any]]:
    """Every kind of message, each in the envelope in which it comes first, in an order in which each has an effect."""
    create_one, create_rejected = create(BASKET, policy="backorder", idempotency_key="k"), create(BASKET)
    create_cancelled = create(BASKET)
    one, rejected, cancelled = (it.order_id for it in (create_one, create_rejected, create_cancelled))
    parcel, back = fulfil(one, {"apple": 2}), take_back(one, {"apple": 1})
    messages: tuple[Message, ...] = (
        create_one,
        create_rejected,
        create_cancelled,
        granting(one, BASKET, {"apple": 2}),
        rejecting(rejected, BASKET),
        StockReserved(cancelled),
        BackorderPromised(one, (LinePromise("apple", MAY), LinePromise("pear", MAY)), 1),
        granting(one, BASKET, {"apple": 3, "pear": 1}, 2),
        CancelOrder(cancelled, "too late"),
        parcel,
        back,
        StockReleased(cancelled),
        StockShipped(one, parcel.fulfilment_id),
        StockReturned(one, back.return_id),
    )
    return [received(message) for message in messages]


async def test_every_kind_of_message_that_comes_again_changes_nothing(orders_database: Database) -> None:
    life = a_life()
    assert {type(each.message) for each in life} == {subscription.message for subscription in SUBSCRIPTIONS}
    for number, each in enumerate(life):
        before = await everything(orders_database)
        await deliver(orders_database, each)
        stored = await everything(orders_database)
        assert stored != before, "it has no effect even once"
        for earlier in life[: number + 1]:
            for again in (earlier, received(earlier.message)):
                told = await deliver(orders_database, again)
                assert await everything(orders_database) == stored, f"{again.message} after {each.message}"
                assert [event for event in told.events if not isinstance(event, AllocationNoted)] == []


async def test_every_kind_of_message_twice_in_one_batch_has_its_effect_once(orders_database: Database) -> None:
    for each in a_life():
        told = await deliver(orders_database, each, received(each.message), each)
        news = [event for event in told.events if not isinstance(event, AllocationNoted)]
        assert len(news) <= 1
        stored = await everything(orders_database)
        await deliver(orders_database, each)
        assert await everything(orders_database) == stored


async def test_what_comes_again_is_answered_again_as_things_stand_now(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    commands = [received(fulfil(order_id)), received(take_back(order_id, {"pear": 1}))]
    for command in commands:
        await deliver(orders_database, command)
    stored = await get(orders_database, order_id)
    assert (await deliver(orders_database, *commands)).replies == [stored, stored]


async def test_the_copy_of_a_change_that_was_refused_is_told_so_as_long_as_that_is_true(
    orders_database: Database,
) -> None:
    order_id = await placed(orders_database, BASKET)
    for command in (fulfil(order_id), take_back(order_id), fulfil(order_id, {"apple": 3})):
        early = received(command)
        for told in (await deliver(orders_database, early), await deliver(orders_database, early)):
            assert (told.events, refusal(told)[0]) == ([], "order-state")


async def test_the_copy_of_a_change_that_was_refused_does_nothing_when_it_would_be_allowed(
    orders_database: Database,
) -> None:
    """Whoever was told that nothing was sent off may have given up, and must not be surprised by a parcel."""
    command = create(BASKET)
    order_id = command.order_id
    to_cancel, to_send, to_take_back = (
        received(it) for it in (CancelOrder(order_id), fulfil(order_id, {"apple": 1}), take_back(order_id))
    )
    for early in (to_cancel, to_send, to_take_back):
        assert refusal(await deliver(orders_database, early))[0] == "order-not-found"
    await deliver(orders_database, command, StockReserved(order_id))
    for parcel, refused in (({}, [to_cancel, to_send]), ({"apple": 1}, [to_send, to_take_back])):
        await deliver(orders_database, *([fulfil(order_id, parcel)] if parcel else []))
        stored = await everything(orders_database)
        assert await deliver(orders_database, *refused) == Told([], [])
        assert await everything(orders_database) == stored


async def test_a_client_may_try_again_what_was_refused_and_the_copy_of_its_first_try_is_answered_alike(
    orders_database: Database,
) -> None:
    order_id = await placed(orders_database, BASKET)
    early = received(fulfil(order_id))
    await deliver(orders_database, early)
    await deliver(orders_database, StockReserved(order_id))
    assert len((await deliver(orders_database, early.message)).events) == 1
    assert await deliver(orders_database, early) == Told([], [await get(orders_database, order_id)])


async def test_the_copy_of_a_change_that_was_refused_leaves_the_order_to_others_of_its_batch(
    orders_database: Database,
) -> None:
    order_id = await placed(orders_database, BASKET)
    early = received(fulfil(order_id, {"apple": 1}))
    await deliver(orders_database, early)
    await deliver(orders_database, StockReserved(order_id))
    await deliver(orders_database, early, fulfil(order_id, {"pear": 1}))
    assert await counters(orders_database, order_id) == [{"reserved": 3}, {"reserved": 1, "fulfilled": 1}]
