from uuid import uuid4

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from apps.orders.tests.desk import (
    Told,
    backordered,
    confirmed,
    counters,
    deliver,
    expected,
    fulfil,
    get,
    granting,
    in_lines,
    log,
    placed,
    refusal,
    rejecting,
    take_back,
)
from onhand.common.contracts import (
    CancelOrder,
    Line,
    OrderCancelled,
    OrderDetails,
    OrderFulfilled,
    OrderReturned,
    RequestRefused,
    StockReleased,
    StockReserved,
    StockReturned,
    StockShipped,
)
from onhand.common.database import Database

BASKET = {"apple": 3, "pear": 2}
LINES = in_lines(BASKET)


async def test_an_order_is_cancelled_while_it_is_pending_confirmed_or_backordered(orders_database: Database) -> None:
    for order_id in (
        await placed(orders_database, BASKET),
        await confirmed(orders_database, BASKET),
        await backordered(orders_database, BASKET, {"apple": 1}),
    ):
        told = await deliver(orders_database, CancelOrder(order_id, "too late"))
        assert told.events == [OrderCancelled(order_id, LINES, "too late")]
        stored = await get(orders_database, order_id)
        assert told.replies == [stored]
        assert (stored.status, stored.reason) == ("cancelled", "too late")
        assert await counters(orders_database, order_id) == [{"cancelled": 3}, {"cancelled": 2}]
        assert f"cancel/{order_id}" in await expected(orders_database)


async def test_an_order_that_is_cancelled_already_stays_as_it_is(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    told = await deliver(orders_database, CancelOrder(order_id), CancelOrder(order_id, "twice in one batch"))
    assert told.events == [OrderCancelled(order_id, LINES)]
    later = await deliver(orders_database, CancelOrder(order_id, "and again"))
    assert later.events == []
    assert [*told.replies, *later.replies] == [await get(orders_database, order_id)] * 3
    assert (await get(orders_database, order_id)).reason is UNSET
    assert await log(orders_database, order_id) == ["order-created", "order-confirmed", "order-cancelled"]


async def test_a_cancellation_under_a_key_is_known_again_and_another_one_is_not_taken_for_it(
    orders_database: Database,
) -> None:
    order_id, cancellation_id = await confirmed(orders_database, BASKET), uuid4()
    command = CancelOrder(order_id, "mine", cancellation_id)
    told = await deliver(orders_database, command)
    assert told.events == [OrderCancelled(order_id, LINES, "mine")]
    assert await deliver(orders_database, command) == Told([], told.replies)
    other = await deliver(orders_database, replace(command, reason="not what I said"))
    assert (other.events, refusal(other)) == ([], ("idempotency-key-reused", None, None))


async def test_a_cancellation_of_what_is_cancelled_is_known_again_under_its_key(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    await deliver(orders_database, CancelOrder(order_id))
    command = CancelOrder(order_id, "late", uuid4())
    told = await deliver(orders_database, command, replace(command, reason="later"))
    assert told.events == []
    assert [reply for reply in told.replies if isinstance(reply, RequestRefused)] == told.replies[1:]


async def test_an_order_that_gets_nothing_or_of_which_something_has_left_is_not_cancelled(
    orders_database: Database,
) -> None:
    rejected = await placed(orders_database, BASKET)
    await deliver(orders_database, rejecting(rejected, BASKET))
    sent = await confirmed(orders_database, BASKET)
    await deliver(orders_database, fulfil(sent, {"apple": 1}))
    back = await confirmed(orders_database, BASKET)
    await deliver(orders_database, fulfil(back))
    await deliver(orders_database, take_back(back))
    for order_id, state in ((rejected, "rejected"), (sent, "partially-fulfilled"), (back, "returned")):
        told = await deliver(orders_database, CancelOrder(order_id))
        assert (told.events, refusal(told)) == ([], ("order-state", state, None))
        assert (await get(orders_database, order_id)).status != "cancelled"


async def test_an_answer_of_inventory_that_comes_after_the_cancellation_changes_nothing(
    orders_database: Database,
) -> None:
    order_id = await placed(orders_database, BASKET)
    told = await deliver(orders_database, CancelOrder(order_id))
    assert len(told.events) == 1
    for answer in (
        StockReserved(order_id),
        rejecting(order_id, BASKET, "cancelled"),
        granting(order_id, BASKET, {"apple": 1}),
    ):
        assert await deliver(orders_database, answer) == Told([], [])
    assert (await get(orders_database, order_id)).status == "cancelled"
    assert await log(orders_database, order_id) == ["order-created", "order-cancelled"]


async def test_in_one_batch_an_answer_is_taken_before_the_cancellation(orders_database: Database) -> None:
    order_id = await placed(orders_database, BASKET)
    await deliver(orders_database, CancelOrder(order_id), StockReserved(order_id))
    assert await log(orders_database, order_id) == ["order-created", "order-confirmed", "order-cancelled"]


async def test_what_is_reserved_is_sent_off_in_parts_or_as_a_whole(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    command = replace(fulfil(order_id, {"apple": 2}), reference="parcel 1")
    told = await deliver(orders_database, command)
    assert told.events == [OrderFulfilled(order_id, command.fulfilment_id, (Line("apple", 2),), "parcel 1")]
    assert told.replies == [await get(orders_database, order_id)]
    assert (await get(orders_database, order_id)).fulfilment == "partially-fulfilled"
    rest = fulfil(order_id)
    told = await deliver(orders_database, rest)
    assert told.events == [OrderFulfilled(order_id, rest.fulfilment_id, (Line("apple", 1), Line("pear", 2)))]
    stored = await get(orders_database, order_id)
    assert (stored.status, stored.fulfilment) == ("confirmed", "fulfilled")
    assert await counters(orders_database, order_id) == [{"fulfilled": 3}, {"fulfilled": 2}]
    assert await expected(orders_database) == {str(command.fulfilment_id), str(rest.fulfilment_id)}


async def test_a_backorder_is_sent_off_as_it_comes_in(orders_database: Database) -> None:
    order_id = await backordered(orders_database, BASKET, {"apple": 1})
    await deliver(orders_database, fulfil(order_id))
    assert refusal(await deliver(orders_database, fulfil(order_id))) == ("order-state", "backordered", None)
    await deliver(orders_database, granting(order_id, BASKET, {"apple": 3, "pear": 1}, 2))
    assert await counters(orders_database, order_id) == [
        {"reserved": 2, "fulfilled": 1},
        {"reserved": 1, "backordered": 1},
    ]
    await deliver(orders_database, fulfil(order_id))
    assert (await get(orders_database, order_id)).fulfilment == "partially-fulfilled"
    await deliver(orders_database, granting(order_id, BASKET, BASKET, 3), fulfil(order_id))
    stored = await get(orders_database, order_id)
    assert (stored.status, stored.fulfilment) == ("confirmed", "fulfilled")


async def test_an_order_of_which_some_was_dropped_is_fulfilled_when_the_rest_has_left(
    orders_database: Database,
) -> None:
    order_id = await placed(orders_database, BASKET, policy="ship-available")
    await deliver(orders_database, granting(order_id, BASKET, {"apple": 2}, waits=False), fulfil(order_id))
    assert (await get(orders_database, order_id)).fulfilment == "fulfilled"
    await deliver(orders_database, take_back(order_id, {"apple": 1}))
    assert (await get(orders_database, order_id)).fulfilment == "partially-returned"


async def test_what_was_sent_off_comes_back_in_parts_or_as_a_whole(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    await deliver(orders_database, fulfil(order_id))
    command = replace(take_back(order_id, {"apple": 1}), restock=False, reason="broken")
    told = await deliver(orders_database, command)
    assert told.events == [OrderReturned(order_id, command.return_id, (Line("apple", 1),), False, "broken")]
    assert told.replies == [await get(orders_database, order_id)]
    assert (await get(orders_database, order_id)).fulfilment == "partially-returned"
    rest = take_back(order_id)
    told = await deliver(orders_database, rest)
    assert told.events == [OrderReturned(order_id, rest.return_id, (Line("apple", 2), Line("pear", 2)))]
    stored = await get(orders_database, order_id)
    assert (stored.status, stored.fulfilment) == ("confirmed", "returned")
    assert await counters(orders_database, order_id) == [
        {"fulfilled": 3, "returned": 3},
        {"fulfilled": 2, "returned": 2},
    ]


async def test_an_order_is_not_returned_before_the_rest_of_it_was_sent_off(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    await deliver(orders_database, fulfil(order_id, {"apple": 3}), take_back(order_id))
    assert (await get(orders_database, order_id)).fulfilment == "partially-returned"
    await deliver(orders_database, fulfil(order_id), take_back(order_id))
    assert (await get(orders_database, order_id)).fulfilment == "returned"


@pytest.mark.parametrize("change", [fulfil, take_back])
@pytest.mark.parametrize(
    ("lines", "pointer"),
    [
        ({"pear": 1, "apple": 4}, "/lines/1/quantity"),
        ({"plum": 1}, "/lines/0/productId"),
    ],
)
async def test_more_than_there_is_is_refused_by_its_line(
    orders_database: Database, change: type, lines: dict[str, int], pointer: str
) -> None:
    order_id = await confirmed(orders_database, BASKET)
    if change is take_back:
        await deliver(orders_database, fulfil(order_id))
    before = await get(orders_database, order_id)
    told = await deliver(orders_database, change(order_id, lines))
    state = "fulfilled" if change is take_back else "unfulfilled"
    assert (told.events, refusal(told)) == ([], ("line-state", state, pointer))
    assert await get(orders_database, order_id) == before


async def test_a_product_that_is_named_twice_is_added_up(orders_database: Database) -> None:
    order_id = await confirmed(orders_database, BASKET)
    twice = replace(fulfil(order_id), lines=(Line("apple", 2), Line("apple", 2)))
    assert refusal(await deliver(orders_database, twice)) == ("line-state", "unfulfilled", "/lines/1/quantity")
    both = replace(twice, lines=(Line("apple", 2), Line("apple", 1)))
    (event,) = (await deliver(orders_database, both)).events
    assert isinstance(event, OrderFulfilled)
    assert event.lines == (Line("apple", 3),)


async def test_what_the_state_does_not_allow_is_refused_with_the_state(orders_database: Database) -> None:
    pending, done = await placed(orders_database, BASKET), await confirmed(orders_database, BASKET)
    await deliver(orders_database, fulfil(done))
    over = await confirmed(orders_database, BASKET)
    await deliver(orders_database, CancelOrder(over))
    for command, state in (
        (fulfil(pending), "pending"),
        (fulfil(over, {"apple": 1}), "cancelled"),
        (fulfil(done), "fulfilled"),
        (take_back(pending), "pending"),
        (take_back(over, {"apple": 1}), "cancelled"),
    ):
        assert refusal(await deliver(orders_database, command)) == ("order-state", state, None)
    await deliver(orders_database, take_back(done))
    assert refusal(await deliver(orders_database, take_back(done))) == ("order-state", "returned", None)


async def test_a_change_of_an_order_nobody_knows_is_refused(orders_database: Database) -> None:
    unknown = uuid4()
    for command in (CancelOrder(unknown), fulfil(unknown), take_back(unknown)):
        told = await deliver(orders_database, command)
        assert (told.events, refusal(told)) == ([], ("order-not-found", None, None))


async def test_a_fulfilment_or_return_that_comes_again_changes_nothing_and_is_answered(
    orders_database: Database,
) -> None:
    order_id = await confirmed(orders_database, BASKET)
    sent = fulfil(order_id, {"apple": 1})
    told = await deliver(orders_database, sent, sent)
    assert len(told.events) == 1
    back = take_back(order_id)
    told = await deliver(orders_database, back, back, sent)
    assert len(told.events) == 1
    told = await deliver(orders_database, sent, back)
    assert told == Told([], [await get(orders_database, order_id)] * 2)
    assert await counters(orders_database, order_id) == [
        {"reserved": 2, "fulfilled": 1, "returned": 1},
        {"reserved": 2},
    ]


async def test_an_id_that_was_used_for_something_else_is_refused(orders_database: Database) -> None:
    order_id, other = await confirmed(orders_database, BASKET), await confirmed(orders_database, BASKET)
    sent = fulfil(order_id, {"apple": 1})
    await deliver(orders_database, sent)
    change_id = sent.fulfilment_id
    for command in (
        replace(sent, lines=UNSET),
        replace(sent, reference="parcel 1"),
        fulfil(other, {"apple": 1}, change_id),
        take_back(order_id, {"apple": 1}, change_id),
    ):
        told = await deliver(orders_database, command)
        assert (told.events, refusal(told)) == ([], ("idempotency-key-reused", None, None))


async def test_a_change_that_was_refused_may_be_made_later(orders_database: Database) -> None:
    order_id = await placed(orders_database, BASKET)
    early = fulfil(order_id)
    assert refusal(await deliver(orders_database, early))[0] == "order-state"
    await deliver(orders_database, StockReserved(order_id))
    told = await deliver(orders_database, early)
    assert len(told.events) == 1


async def test_commands_of_one_batch_about_one_order_see_each_other(orders_database: Database) -> None:
    order_id, other = await confirmed(orders_database, {"apple": 3}), await confirmed(orders_database, BASKET)
    told = await deliver(
        orders_database, fulfil(order_id, {"apple": 2}), fulfil(other), fulfil(order_id, {"apple": 2}), fulfil(order_id)
    )
    first, _, refused, last = told.replies
    assert isinstance(refused, RequestRefused)
    assert refused.pointer == "/lines/0/quantity"
    assert first == last == await get(orders_database, order_id)
    assert isinstance(last, OrderDetails)
    assert last.lines[0].fulfilled == 3
    assert (await log(orders_database, order_id))[2:] == ["order-fulfilled", "order-fulfilled"]


async def test_what_inventory_has_done_is_waited_for_no_longer(orders_database: Database) -> None:
    gone, sent = await confirmed(orders_database, BASKET), await confirmed(orders_database, BASKET)
    parcel, back = fulfil(sent), take_back(sent)
    await deliver(orders_database, CancelOrder(gone), parcel, back)
    facts = [f"cancel/{gone}", str(parcel.fulfilment_id), str(back.return_id)]
    assert await expected(orders_database) == set(facts)
    for answer in (
        StockReleased(gone),
        StockShipped(sent, parcel.fulfilment_id),
        StockReturned(sent, back.return_id),
    ):
        for _ in range(2):
            assert await deliver(orders_database, answer) == Told([], [])
        facts.pop(0)
        assert await expected(orders_database) == set(facts)
    assert await deliver(orders_database, StockReleased(sent), StockShipped(gone, uuid4())) == Told([], [])
