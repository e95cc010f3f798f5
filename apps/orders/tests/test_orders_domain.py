from uuid import uuid4

import pytest

from onhand.common.contracts import CreateOrder, OrderConfirmed, OrderRejected, StockRejected, StockReserved
from onhand.orders.domain import OrderEvent, place, receipt, settle, status_after

ORDER_ID = uuid4()
COMMAND = CreateOrder(order_id=ORDER_ID, customer_id="ann", product_id="apple", quantity=3)


def test_a_new_order_is_pending() -> None:
    assert status_after(place(COMMAND)) == "pending"


def test_the_receipt_of_a_new_order_repeats_what_was_ordered() -> None:
    given = receipt(place(COMMAND))
    assert (given.order_id, given.product_id, given.quantity, given.status) == (ORDER_ID, "apple", 3, "pending")


@pytest.mark.parametrize(
    ("answer", "event", "status"),
    [
        (StockReserved(order_id=ORDER_ID), OrderConfirmed(order_id=ORDER_ID), "confirmed"),
        (
            StockRejected(order_id=ORDER_ID, reason="insufficient-stock", requested=3, available=2),
            OrderRejected(order_id=ORDER_ID, reason="insufficient-stock"),
            "rejected",
        ),
    ],
)
def test_an_order_ends_as_inventory_answered(
    answer: StockReserved | StockRejected, event: OrderEvent, status: str
) -> None:
    assert settle(answer) == event
    assert status_after(event) == status
