"""What an order is and how it ends. Pure: no clock, no I/O.

An order begins `pending` and ends, once, `confirmed` or `rejected`; there is no way back. Each step is an event.
"""

from onhand.common.contracts import (
    CreateOrder,
    OrderConfirmed,
    OrderCreated,
    OrderDetails,
    OrderReceipt,
    OrderRejected,
    StockRejected,
    StockReserved,
)
from onhand.common.contracts.orders import OrderStatus

OrderEvent = OrderCreated | OrderConfirmed | OrderRejected


def place(command: CreateOrder) -> OrderCreated:
    """Take an order."""
    return OrderCreated(
        order_id=command.order_id,
        customer_id=command.customer_id,
        product_id=command.product_id,
        quantity=command.quantity,
    )


def settle(answer: StockReserved | StockRejected) -> OrderConfirmed | OrderRejected:
    """End a pending order as Inventory's answer says."""
    match answer:
        case StockReserved(order_id=order_id):
            return OrderConfirmed(order_id=order_id)
        case StockRejected(order_id=order_id, reason=reason):
            return OrderRejected(order_id=order_id, reason=reason)


def receipt(order: OrderCreated | OrderDetails) -> OrderReceipt:
    """What the customer is told: of a new order, or of one that is stored already."""
    return OrderReceipt(
        order_id=order.order_id,
        product_id=order.product_id,
        quantity=order.quantity,
        status=status_after(order) if isinstance(order, OrderCreated) else order.status,
    )


def status_after(event: OrderEvent) -> OrderStatus:
    """The status of an order whose last event this is."""
    match event:
        case OrderCreated():
            return "pending"
        case OrderConfirmed():
            return "confirmed"
        case OrderRejected():
            return "rejected"
