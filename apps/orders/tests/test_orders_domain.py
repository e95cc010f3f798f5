from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from apps.orders.tests.desk import create, fulfil, granting, in_lines, rejecting, take_back
from onhand.common.contracts import (
    BackorderPromised,
    CancelOrder,
    LinePromise,
    OrderBackordered,
    OrderConfirmed,
    OrderFulfilled,
    OrderReceipt,
    OrderRejected,
    OrderReplayed,
    RequestRefused,
    StockReserved,
)
from onhand.common.contracts.orders import OrderStatus
from onhand.orders.domain import changing
from onhand.orders.domain.orders import Counters, Order, creation, details, implied_counters
from onhand.orders.domain.placing import place, receipt, receipt_of_stored
from onhand.orders.domain.settling import allot, counters_after, promise, says_it_all, settle, status_after

ORDER_ID = uuid4()
BASKET = {"apple": 3, "pear": 2}
MAY = datetime(2027, 5, 1, tzinfo=UTC)


def order(status: OrderStatus = "pending", counters: list[Counters] | None = None, order_id: UUID = ORDER_ID) -> Order:
    lines = in_lines(BASKET)
    return Order(
        order_id,
        "ann",
        "backorder",
        lines,
        counters or implied_counters(status, lines),
        status,
        created_at=MAY,
        updated_at=MAY,
    )


def test_a_new_order_repeats_what_was_ordered() -> None:
    command = create(BASKET, reference="A-1")
    event = place(command)
    assert (event.order_id, event.lines, event.reference) == (command.order_id, command.lines, "A-1")
    assert receipt(command) == OrderReceipt(order_id=command.order_id, status="pending", lines=command.lines)


def test_what_an_order_began_with_can_be_told_again() -> None:
    command = create(BASKET, policy="backorder")
    stored = order(order_id=command.order_id)
    assert creation(stored) == place(command)


def test_a_stored_order_is_told_by_id_and_by_key_but_not_if_it_is_another() -> None:
    stored = order("confirmed")
    same = create(BASKET, policy="backorder", idempotency_key="k")
    assert receipt_of_stored(same, stored) == OrderReplayed(order_id=ORDER_ID, status="confirmed", lines=stored.lines)
    again = receipt_of_stored(replace(same, order_id=ORDER_ID), stored)
    assert (type(again), again) == (
        OrderReceipt,
        OrderReceipt(order_id=ORDER_ID, status="confirmed", lines=stored.lines),
    )
    other = receipt_of_stored(replace(same, customer_id="bob"), stored)
    assert isinstance(other, RequestRefused)
    assert other.code == "idempotency-key-reused"


def test_an_answer_that_says_it_all_settles_an_order_unseen() -> None:
    confirmed, rejected = settle(StockReserved(ORDER_ID)), settle(rejecting(ORDER_ID, BASKET))
    assert (status_after(confirmed), counters_after(confirmed)) == ("confirmed", None)
    assert (status_after(rejected), counters_after(rejected)) == (
        "rejected",
        [Counters(cancelled=3, available=1), Counters(cancelled=2, available=1)],
    )
    assert isinstance(confirmed, OrderConfirmed)
    assert isinstance(rejected, OrderRejected)


@pytest.mark.parametrize(
    ("answer", "all_of_it"),
    [
        (StockReserved(ORDER_ID), True),
        (rejecting(ORDER_ID, BASKET), True),
        (granting(ORDER_ID, BASKET, {}), False),
        (StockReserved(ORDER_ID, revision=1), False),
    ],
)
def test_an_answer_by_lines_needs_the_order(answer: StockReserved, all_of_it: bool) -> None:  # a case
    assert says_it_all(answer) is all_of_it


def test_a_revision_without_lines_gives_everything() -> None:
    waiting = order()
    assert isinstance(allot(waiting, StockReserved(ORDER_ID, revision=2)), OrderConfirmed)
    assert waiting.counters == [Counters(reserved=3), Counters(reserved=2)]


def test_a_promise_is_for_what_waits() -> None:
    waiting = order()
    allot(waiting, granting(ORDER_ID, BASKET, {"apple": 3}))
    promised = BackorderPromised(ORDER_ID, (LinePromise("apple", MAY), LinePromise("pear", MAY)), 1)
    assert promise(waiting, promised) == promised
    assert [it.promised_at for it in waiting.counters] == [UNSET, MAY]
    assert promise(waiting, promised) is None


@pytest.mark.parametrize(
    ("first", "second", "fulfilment"),
    [
        (Counters(reserved=3), Counters(reserved=2), "unfulfilled"),
        (Counters(cancelled=3), Counters(cancelled=2), "unfulfilled"),
        (Counters(fulfilled=3), Counters(reserved=2), "partially-fulfilled"),
        (Counters(fulfilled=3), Counters(fulfilled=1, backordered=1), "partially-fulfilled"),
        (Counters(fulfilled=3), Counters(fulfilled=2), "fulfilled"),
        (Counters(fulfilled=1, cancelled=2), Counters(cancelled=2), "fulfilled"),
        (Counters(fulfilled=3, returned=3), Counters(reserved=2), "partially-returned"),
        (Counters(fulfilled=3, returned=3), Counters(fulfilled=2, returned=1), "partially-returned"),
        (Counters(fulfilled=3, returned=3), Counters(fulfilled=2, returned=2), "returned"),
        (Counters(fulfilled=1, returned=1, cancelled=2), Counters(cancelled=2), "returned"),
    ],
)
def test_fulfilment_says_what_was_sent_off_and_what_came_back(
    first: Counters, second: Counters, fulfilment: str
) -> None:
    counted = order("confirmed", [first, second])
    assert counted.fulfilment == details(counted).fulfilment == fulfilment


def test_a_refused_change_leaves_the_order_as_it_was() -> None:
    for status in ("pending", "rejected", "cancelled"):
        refused = order(status)
        before = details(refused)
        assert isinstance(changing.fulfil(refused, fulfil(ORDER_ID)), RequestRefused)
        assert isinstance(changing.take_back(refused, take_back(ORDER_ID)), RequestRefused)
        assert details(refused) == before
    reserved = order("confirmed")
    before = details(reserved)
    assert isinstance(changing.fulfil(reserved, fulfil(ORDER_ID, {"apple": 1, "pear": 3})), RequestRefused)
    assert details(reserved) == before


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 3)), max_size=6))
def test_what_is_ordered_is_always_somewhere(steps: list[tuple[int, int, int]]) -> None:
    """Some units come in, some leave: reserved, backordered, fulfilled and cancelled are what was ordered."""
    told = order()
    given_so_far = {"apple": 0, "pear": 0}
    for revision, (apples, pears, sent) in enumerate(steps):
        given_so_far = {"apple": max(given_so_far["apple"], apples), "pear": max(given_so_far["pear"], pears)}
        allot(told, granting(ORDER_ID, BASKET, given_so_far, revision))
        event = changing.fulfil(told, fulfil(ORDER_ID, {"apple": sent} if sent else None))
        assert isinstance(event, OrderFulfilled | RequestRefused)
        for line in details(told).lines:
            assert line.ordered == line.reserved + line.backordered + line.fulfilled + line.cancelled
            assert line.returned <= line.fulfilled
        assert told.status == ("confirmed" if given_so_far == BASKET else "backordered")


def test_a_backordered_order_can_be_cancelled_and_then_nothing_more_is_given_to_it() -> None:
    waiting = order()
    assert isinstance(allot(waiting, granting(ORDER_ID, BASKET, {"apple": 1})), OrderBackordered)
    assert changing.cancel(waiting, CancelOrder(ORDER_ID)) is not None
    assert changing.cancel(waiting, CancelOrder(ORDER_ID)) is None
    assert allot(waiting, granting(ORDER_ID, BASKET, BASKET, 3)) is None
    assert waiting.counters == [Counters(cancelled=3), Counters(cancelled=2)]
