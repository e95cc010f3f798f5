"""What people do to an order that is taken: cancel it, send it off, take it back.

Each changes the order in memory and tells what has happened, or says why it may not be.
"""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from onhand.common.contracts import (
    CancelOrder,
    FulfilOrder,
    Line,
    OrderCancelled,
    OrderFulfilled,
    OrderReturned,
    RequestRefused,
    ReturnOrder,
)
from onhand.orders.domain.orders import Counters, Order


def cancel(order: Order, command: CancelOrder) -> OrderCancelled | RequestRefused | None:
    """Give up an order of which nothing has left; None if it is cancelled already."""
    if order.status == "cancelled":
        return None
    if order.status == "rejected":
        return _refused(order.status, "It was rejected, so there is nothing to cancel.")
    if order.fulfilment != "unfulfilled":
        return _refused(order.fulfilment, "Some of it was sent off, so it cannot be cancelled any more.")
    order.status, order.reason = "cancelled", command.reason
    order.counters = [Counters(cancelled=line.quantity) for line in order.lines]
    return OrderCancelled(order_id=order.order_id, lines=order.lines, reason=command.reason)


def fulfil(order: Order, command: FulfilOrder) -> OrderFulfilled | RequestRefused:
    """Send off what is reserved, or some of it."""
    if order.status not in ("confirmed", "backordered"):
        return _refused(order.status, f"It is {order.status}, so there is nothing to send off.")
    reserved = [it.reserved for it in order.counters]
    if not any(reserved):
        state = order.fulfilment if order.status == "confirmed" else order.status
        return _refused(state, "Nothing is reserved for it that was not sent off.")
    chosen = _choose(order, command.lines, reserved, "reserved")
    if isinstance(chosen, RequestRefused):
        return chosen
    for it, quantity in zip(order.counters, chosen, strict=True):
        it.reserved -= quantity
        it.fulfilled += quantity
    return OrderFulfilled(
        order_id=order.order_id,
        fulfilment_id=command.fulfilment_id,
        lines=_lines(order, chosen),
        reference=command.reference,
    )


def take_back(order: Order, command: ReturnOrder) -> OrderReturned | RequestRefused:
    """Take back what was sent off, or some of it."""
    away = [it.fulfilled - it.returned for it in order.counters]
    if not any(away):
        return _refused(_state(order), "Nothing of it was sent off that is not back.")
    chosen = _choose(order, command.lines, away, "sent off and not back")
    if isinstance(chosen, RequestRefused):
        return chosen
    for it, quantity in zip(order.counters, chosen, strict=True):
        it.returned += quantity
    return OrderReturned(
        order_id=order.order_id,
        return_id=command.return_id,
        lines=_lines(order, chosen),
        restock=command.restock,
        reason=command.reason,
    )


def _choose(
    order: Order, wanted: tuple[Line, ...] | UnsetType, there: Sequence[int], what: str
) -> Sequence[int] | RequestRefused:
    """How many units of each line of the order are wanted, of those that are there; all of them if nobody says."""
    if wanted is UNSET:
        return there
    places = {line.product_id: place for place, line in enumerate(order.lines)}
    chosen = [0] * len(order.lines)
    for number, line in enumerate(wanted):
        place = places.get(line.product_id)
        if place is None:
            return RequestRefused(
                code="line-state",
                detail=f"The order has no line for {line.product_id}.",
                state=_state(order),
                pointer=f"/lines/{number}/productId",
            )
        chosen[place] += line.quantity
        if chosen[place] > there[place]:
            return RequestRefused(
                code="line-state",
                detail=f"Of {line.product_id} {there[place]} are {what}, and {chosen[place]} are asked for.",
                state=_state(order),
                pointer=f"/lines/{number}/quantity",
            )
    return chosen


def _lines(order: Order, quantities: Sequence[int]) -> tuple[Line, ...]:
    return tuple(
        Line(line.product_id, quantity) for line, quantity in zip(order.lines, quantities, strict=True) if quantity
    )


def _state(order: Order) -> str:
    """How far its fulfilment is, of an order that can be sent off, and else why it cannot."""
    return order.fulfilment if order.status in ("confirmed", "backordered") else order.status


def _refused(state: str, detail: str) -> RequestRefused:
    return RequestRefused(code="order-state", detail=detail, state=state)
