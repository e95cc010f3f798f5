"""What an order becomes by what Inventory tells: its answer, units that came in later, and dates."""

from msgspec import UNSET

from onhand.common.contracts import (
    BackorderPromised,
    LineAllocation,
    LineOutcome,
    OrderBackordered,
    OrderConfirmed,
    OrderRejected,
    StockRejected,
    StockReserved,
)
from onhand.common.contracts.orders import OrderStatus
from onhand.orders.domain.orders import Counters, Order


def says_it_all(answer: StockReserved | StockRejected) -> bool:
    """Whether a pending order can be settled by the answer alone, without a look at what was ordered."""
    return isinstance(answer, StockRejected) or (answer.lines is UNSET and answer.revision == 0)


def settle(answer: StockReserved | StockRejected) -> OrderConfirmed | OrderRejected:
    """Settle a pending order by an answer that says it all."""
    match answer:
        case StockReserved(order_id=order_id):
            return OrderConfirmed(order_id=order_id)
        case StockRejected(order_id=order_id, reason=reason, lines=lines):
            return OrderRejected(order_id=order_id, reason=reason, lines=lines)


def status_after(event: OrderConfirmed | OrderRejected | OrderBackordered) -> OrderStatus:
    """The status of an order that was settled by this event."""
    match event:
        case OrderConfirmed():
            return "confirmed"
        case OrderRejected():
            return "rejected"
        case OrderBackordered():
            return "backordered"


def counters_after(event: OrderConfirmed | OrderRejected) -> list[Counters] | None:
    """The counters of an order that was settled by this event; none if its status says it all."""
    if isinstance(event, OrderRejected):
        return [Counters(cancelled=line.requested, available=line.available) for line in event.lines]
    return None


def allot(order: Order, answer: StockReserved) -> OrderConfirmed | OrderBackordered | None:
    """Note what an order was given so far and what it still waits for; None if that is nothing new.

    Raises:
        ValueError: it was given other products or more than it ordered, or less than has left.
    """
    if not _is_news(order, answer):
        return None
    given = _given(order, answer)
    counters = [
        _allotted(it, line.quantity, given[line.product_id])
        for line, it in zip(order.lines, order.counters, strict=True)
    ]
    outcomes = tuple(
        LineOutcome(line.product_id, it.reserved, it.backordered, it.cancelled)
        for line, it in zip(order.lines, counters, strict=True)
    )
    event: OrderConfirmed | OrderBackordered = OrderConfirmed(order_id=order.order_id, lines=outcomes)
    if any(it.backordered for it in counters):
        event = OrderBackordered(order_id=order.order_id, lines=outcomes, revision=answer.revision)
    order.counters, order.revision, order.status = counters, answer.revision, status_after(event)
    return event


def can_note(order: Order | None) -> bool:
    """Whether a promise can be noted, be it that it says nothing any more. While an order is pending it cannot."""
    return order is None or order.status != "pending"


def promise(order: Order, promised: BackorderPromised) -> BackorderPromised | None:
    """Note when what an order waits for is expected; None if that is nothing new."""
    if order.status != "backordered" or promised.revision <= order.promise_revision:
        return None
    order.promise_revision = promised.revision
    dates = {line.product_id: line.promised_at for line in promised.lines}
    for line, it in zip(order.lines, order.counters, strict=True):
        if it.backordered and line.product_id in dates:
            it.promised_at = dates[line.product_id]
    return promised


def _is_news(order: Order, answer: StockReserved) -> bool:
    return order.status == "pending" or (order.status == "backordered" and answer.revision > order.revision)


def _given(order: Order, answer: StockReserved) -> dict[str, LineAllocation]:
    if answer.lines is UNSET:
        return {line.product_id: LineAllocation(line.product_id, line.quantity, 0) for line in order.lines}
    given = {line.product_id: line for line in answer.lines}
    if given.keys() != {line.product_id for line in order.lines}:
        raise ValueError(f"order {order.order_id} was given products that are not those of its lines")
    return given


def _allotted(counters: Counters, ordered: int, given: LineAllocation) -> Counters:
    reserved = given.granted - counters.fulfilled
    cancelled = ordered - given.granted - given.backordered
    if reserved < 0 or cancelled < 0:
        raise ValueError(
            f"of {ordered} {given.product_id} {given.granted} were granted, {given.backordered} are waited for"
            f" and {counters.fulfilled} have left"
        )
    return Counters(
        reserved,
        given.backordered,
        counters.fulfilled,
        counters.returned,
        cancelled,
        promised_at=counters.promised_at if given.backordered else UNSET,
    )
