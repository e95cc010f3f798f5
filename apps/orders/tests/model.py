"""What Orders promises, in a plain model: one message after the other, in memory, without batches."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from apps.orders.tests.desk import created, in_lines
from onhand.common.contracts import (
    AllocationNoted,
    BackorderPromised,
    CancelOrder,
    CreateOrder,
    Event,
    FulfilOrder,
    LineOutcome,
    OrderBackordered,
    OrderCancelled,
    OrderConfirmed,
    OrderFulfilled,
    OrderRejected,
    OrderReturned,
    ReturnOrder,
    StockRejected,
    StockReleased,
    StockReserved,
    StockReturned,
    StockShipped,
)
from onhand.common.contracts.orders import OrderStatus
from onhand.common.messaging.envelope import Received

Change = CancelOrder | FulfilOrder | ReturnOrder


@dataclass
class ModelLine:
    """Where the units of one line are."""

    ordered: int
    reserved: int = 0
    backordered: int = 0
    fulfilled: int = 0
    returned: int = 0
    cancelled: int = 0
    promised_at: datetime | UnsetType = UNSET


@dataclass
class ModelOrder:
    """What is to be stored of an order; its log without the owner's name and the version."""

    command: CreateOrder
    lines: dict[str, ModelLine]
    status: OrderStatus = "pending"
    revision: int = 0
    promise_revision: int = 0
    log: list[str] = field(default_factory=lambda: ["order-created"])


@dataclass
class Model:
    """All of Orders.

    Attributes:
        made: by id, the fulfilments and returns that were carried out.
        facts: what Inventory has not answered.
        seen: envelopes of changes.
    """

    orders: dict[UUID, ModelOrder] = field(default_factory=dict)
    made: dict[UUID, Change] = field(default_factory=dict)
    facts: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def take(self, received: Received[Any]) -> tuple[list[Event], str | None]:
        """Tell which events follow, and the reply: the status of a new order, why something is refused, or `done`."""
        message = received.message
        match message:
            case CreateOrder():
                return self._create(message)
            case StockReserved() | StockRejected() | BackorderPromised():
                order = self.orders.get(message.order_id)
                event = self._hear(order, message) if order else None
                events: list[Event] = [event] if event and not isinstance(event, BackorderPromised) else []
                is_pending = isinstance(message, BackorderPromised) and order and order.status == "pending"
                if not isinstance(message, StockRejected) and message.revision > 0 and not is_pending:
                    events.append(AllocationNoted(message.order_id, message.revision))
                return events, None
            case CancelOrder() | FulfilOrder() | ReturnOrder():
                return self._change(received)
            case StockReleased(order_id=order_id):
                self.facts.discard(f"cancel/{order_id}")
            case StockShipped(fulfilment_id=change_id) | StockReturned(return_id=change_id):
                self.facts.discard(str(change_id))
        return [], None

    def _create(self, command: CreateOrder) -> tuple[list[Event], str]:
        same_key = (
            it
            for it in self.orders.values()
            if command.idempotency_key and it.command.idempotency_key == command.idempotency_key
        )
        order = self.orders.get(command.order_id) or next(same_key, None)
        if order is None:
            lines = {line.product_id: ModelLine(line.quantity) for line in command.lines}
            self.orders[command.order_id] = ModelOrder(command, lines)
            return [created(command)], "pending"
        is_same = replace(command, order_id=order.command.order_id) == order.command
        return [], order.status if is_same else "idempotency-key-reused"

    def _hear(self, order: ModelOrder, message: StockReserved | StockRejected | BackorderPromised) -> Event | None:
        event: Event | None = None
        if isinstance(message, BackorderPromised):
            event = message if order.status == "backordered" and message.revision > order.promise_revision else None
            for promised in message.lines if event else ():
                line, order.promise_revision = order.lines[promised.product_id], message.revision
                line.promised_at = promised.promised_at if line.backordered else UNSET
        elif isinstance(message, StockRejected) and order.status == "pending":
            order.status = "rejected"
            for line in order.lines.values():
                line.cancelled = line.ordered
            event = OrderRejected(message.order_id, message.reason, message.lines)
        elif isinstance(message, StockReserved) and (
            order.status == "pending" or (order.status == "backordered" and message.revision > order.revision)
        ):
            event = _allot(order, message)
        if event:
            order.log.append(event.TYPE.split(".")[1])
        return event

    def _change(self, received: Received[Change]) -> tuple[list[Event], str | None]:
        command, is_new = received.message, received.envelope.id not in self.seen
        self.seen.add(received.envelope.id)
        order = self.orders.get(command.order_id)
        if order is None:
            return [], "order-not-found"
        change_id = getattr(command, "fulfilment_id", None) or getattr(command, "return_id", None)
        if change_id in self.made:
            return [], "done" if self.made[change_id] == command else "idempotency-key-reused"
        if isinstance(command, CancelOrder) and order.status == "cancelled":
            return [], "done"
        if refusal := _refusal(order, command):
            return [], refusal
        if not is_new:
            return [], None
        event = _carry_out(order, command)
        order.log.append(event.TYPE.split(".")[1])
        self.facts.add(str(change_id or f"cancel/{command.order_id}"))
        if change_id:
            self.made[change_id] = command
        return [event], "done"


def _allot(order: ModelOrder, answer: StockReserved) -> OrderConfirmed | OrderBackordered:
    given = {} if answer.lines is UNSET else {line.product_id: line for line in answer.lines}
    for product_id, line in order.lines.items():
        granted = given[product_id].granted if given else line.ordered
        line.reserved = granted - line.fulfilled
        line.backordered = given[product_id].backordered if given else 0
        line.cancelled = line.ordered - granted - line.backordered
        line.promised_at = line.promised_at if line.backordered else UNSET
    order.revision = answer.revision
    if answer.lines is UNSET:
        order.status = "confirmed"
        return OrderConfirmed(answer.order_id)
    outcomes = tuple(
        LineOutcome(product_id, line.reserved, line.backordered, line.cancelled)
        for product_id, line in order.lines.items()
    )
    if any(line.backordered for line in order.lines.values()):
        order.status = "backordered"
        return OrderBackordered(answer.order_id, outcomes, answer.revision)
    order.status = "confirmed"
    return OrderConfirmed(answer.order_id, outcomes)


def _there(order: ModelOrder, command: FulfilOrder | ReturnOrder) -> dict[str, int]:
    """How many units of each product the command may be about."""
    if isinstance(command, ReturnOrder):
        return {product_id: line.fulfilled - line.returned for product_id, line in order.lines.items()}
    return {product_id: line.reserved for product_id, line in order.lines.items()}


def _refusal(order: ModelOrder, command: Change) -> str | None:
    if isinstance(command, CancelOrder):
        is_gone = order.status == "rejected" or any(line.fulfilled for line in order.lines.values())
        return "order-state" if is_gone else None
    there = _there(order, command)
    if not any(there.values()):
        return "order-state"
    wanted = () if command.lines is UNSET else command.lines
    return "line-state" if any(line.quantity > there.get(line.product_id, 0) for line in wanted) else None


def _carry_out(order: ModelOrder, command: Change) -> OrderCancelled | OrderFulfilled | OrderReturned:
    if isinstance(command, CancelOrder):
        order.status = "cancelled"
        order.lines = {
            product_id: ModelLine(line.ordered, cancelled=line.ordered) for product_id, line in order.lines.items()
        }
        return OrderCancelled(command.order_id, order.command.lines, command.reason)
    moved = _there(order, command)
    if command.lines is not UNSET:
        wanted = {line.product_id: line.quantity for line in command.lines}
        moved = {product_id: wanted.get(product_id, 0) for product_id in order.lines}
    lines = in_lines({product_id: quantity for product_id, quantity in moved.items() if quantity})
    for product_id, quantity in moved.items():
        line = order.lines[product_id]
        if isinstance(command, ReturnOrder):
            line.returned += quantity
        else:
            line.reserved, line.fulfilled = line.reserved - quantity, line.fulfilled + quantity
    if isinstance(command, ReturnOrder):
        return OrderReturned(command.order_id, command.return_id, lines)
    return OrderFulfilled(command.order_id, command.fulfilment_id, lines)
