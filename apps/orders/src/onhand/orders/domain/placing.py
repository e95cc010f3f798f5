"""How an order begins, and what whoever ordered is told."""

from typing import TypeVar
from uuid import UUID

from msgspec.structs import replace

from onhand.common.contracts import CreateOrder, Line, OrderCreated, OrderReceipt, OrderReplayed, RequestRefused
from onhand.common.contracts.orders import OrderStatus
from onhand.orders.domain.orders import Order, creation

ReceiptT = TypeVar("ReceiptT", bound=OrderReceipt)


def place(command: CreateOrder) -> OrderCreated:
    """Take an order."""
    return OrderCreated(
        order_id=command.order_id,
        customer_id=command.customer_id,
        lines=command.lines,
        policy=command.policy,
        reservation_id=command.reservation_id,
        reference=command.reference,
        metadata=command.metadata,
    )


def receipt(command: CreateOrder) -> OrderReceipt:
    """What is told of a new order."""
    return _receipt(OrderReceipt, command, command.order_id, command.lines, "pending")


def receipt_of_stored(command: CreateOrder, stored: Order) -> OrderReceipt | RequestRefused:
    """What is told when there is an order with the same id, so that the command came before, or with the same key."""
    if stored.order_id == command.order_id:
        return _receipt(OrderReceipt, command, stored.order_id, stored.lines, stored.status)
    if replace(place(command), order_id=stored.order_id) == creation(stored):
        return _receipt(OrderReplayed, command, stored.order_id, stored.lines, stored.status)
    return RequestRefused(
        code="idempotency-key-reused", detail="This idempotency key was used for another order, which is not the same."
    )


def _receipt(
    kind: type[ReceiptT], command: CreateOrder, order_id: UUID, lines: tuple[Line, ...], status: OrderStatus
) -> ReceiptT:
    if command.as_product:
        return kind(order_id=order_id, status=status, product_id=lines[0].product_id, quantity=lines[0].quantity)
    return kind(order_id=order_id, status=status, lines=lines)
