"""The messages that have led to what is stored, made again from it, with the ids they had where these are stored.

Those that no service of ours reads are left out: listeners of others need not be woken.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from msgspec.json import Decoder

from onhand.common.contracts import (
    AdjustStock,
    AllocationNoted,
    CancelOrder,
    Command,
    CountStock,
    CreateOrder,
    Event,
    FulfilOrder,
    HoldStock,
    Line,
    LineAllocation,
    LineShortage,
    OrderCancelled,
    OrderCreated,
    OrderFulfilled,
    OrderReturned,
    ReceiveStock,
    ReleaseHold,
    ReturnOrder,
    StockRejected,
    StockReleased,
    StockReserved,
    StockReturned,
    StockShipped,
    TransferStock,
)
from onhand.common.messaging.envelope import Outgoing, encode, wrap
from onhand.common.messaging.versions import read, versions_of

Row = Any
"""A row of a query; asyncpg ships no types."""

_lines = Decoder(tuple[Line, ...]).decode


def of_order(order: Row, log: Sequence[Row], changes: Mapping[UUID, Row], shares: Sequence[Row]) -> Iterator[Outgoing]:
    """The messages that an order has come by: what was asked for it, and what the services told each other of it."""
    created = read(OrderCreated, log[0]["type"], log[0]["data"])
    asked = {name: getattr(created, name) for name in OrderCreated.__struct_fields__}
    yield _message(CreateOrder(**asked, idempotency_key=order["idempotency_key"] or UNSET), "/gateway", log[0])
    yield _message(created, "/orders")
    if shares:
        yield _message(_decision(order, created.lines, shares), "/inventory", log[1] if len(log) > 1 else None)
    if order["revision"]:
        yield _message(AllocationNoted(order_id=order["order_id"], revision=order["revision"]), "/orders")
    for entry in log:
        if entry["type"] in _CHANGES:
            yield from _CHANGES[entry["type"]](entry, changes)


def of_hold(hold: Row) -> Iterator[Outgoing]:
    """The commands that a hold has come and gone by; for one that has ended."""
    reservation_id, reference = hold["reservation_id"], hold["reference"] or UNSET
    lines = _lines(hold["lines"])
    asked = HoldStock(reservation_id=reservation_id, lines=lines, ttl_seconds=hold["ttl_seconds"], reference=reference)
    yield _message(asked, "/gateway")
    yield _message(ReleaseHold(reservation_id=reservation_id), "/gateway")


def of_movement(entries: Sequence[Row]) -> Iterator[Outgoing]:
    """The command that stock was moved by; none for a sale or a return, which an order leads to."""
    row = entries[0]
    asked: dict[str, Any] = {name: row[name] or UNSET for name in ("reason", "reference", "idempotency_key")}
    asked |= {name: row[name] for name in ("movement_id", "product_id")}
    match row["type"]:
        case "receive":
            yield _message(ReceiveStock(**asked, quantity=row["quantity"], location_id=row["location_id"]), "/gateway")
        case "adjust":
            yield _message(AdjustStock(**asked, quantity=row["quantity"], location_id=row["location_id"]), "/gateway")
        case "count":
            yield _message(CountStock(**asked, on_hand=row["on_hand"], location_id=row["location_id"]), "/gateway")
        case "transfer":
            places = {
                "from_location_id" if it["quantity"] < 0 else "to_location_id": it["location_id"] for it in entries
            }
            if len(places) == 2:  # from and to
                yield _message(TransferStock(**asked, **places, quantity=abs(row["quantity"])), "/gateway")


def _decision(order: Row, lines: Sequence[Line], shares: Sequence[Row]) -> StockReserved | StockRejected:
    """What Inventory decided, and what it has given since."""
    order_id = order["order_id"]
    reason = next((it["reason"] for it in shares if it["reason"]), None)
    if reason:
        available = {it["line_no"]: it["available"] for it in shares}
        short = tuple(LineShortage(it.product_id, it.quantity, available.get(no, 0)) for no, it in enumerate(lines))
        return StockRejected(order_id=order_id, reason=reason, lines=short)
    granted, waiting = (
        [sum(it[name] for it in shares if it["line_no"] == no) for no, _ in enumerate(lines)]
        for name in ("granted", "waiting")
    )
    if granted == [line.quantity for line in lines] and not order["revision"]:
        return StockReserved(order_id=order_id)
    told = tuple(LineAllocation(it.product_id, granted[no], waiting[no]) for no, it in enumerate(lines))
    return StockReserved(order_id=order_id, lines=told, revision=order["revision"])


def _cancelled(entry: Row, _: Mapping[UUID, Row]) -> Iterator[Outgoing]:
    event = read(OrderCancelled, entry["type"], entry["data"])
    yield _message(CancelOrder(order_id=event.order_id, reason=event.reason), "/gateway", entry)
    yield _message(event, "/orders")
    yield _message(StockReleased(order_id=event.order_id), "/inventory")


def _fulfilled(entry: Row, changes: Mapping[UUID, Row]) -> Iterator[Outgoing]:
    event = read(OrderFulfilled, entry["type"], entry["data"])
    if asked := changes.get(event.fulfilment_id):
        yield _message(msgspec.json.decode(asked["data"], type=FulfilOrder), "/gateway", entry)
    yield _message(event, "/orders")
    yield _message(StockShipped(order_id=event.order_id, fulfilment_id=event.fulfilment_id), "/inventory")


def _returned(entry: Row, changes: Mapping[UUID, Row]) -> Iterator[Outgoing]:
    event = read(OrderReturned, entry["type"], entry["data"])
    if asked := changes.get(event.return_id):
        yield _message(msgspec.json.decode(asked["data"], type=ReturnOrder), "/gateway", entry)
    yield _message(event, "/orders")
    yield _message(StockReturned(order_id=event.order_id, return_id=event.return_id), "/inventory")


_CHANGES: Mapping[str, Callable[[Row, Mapping[UUID, Row]], Iterator[Outgoing]]] = {
    version.TYPE: tell
    for kind, tell in ((OrderCancelled, _cancelled), (OrderFulfilled, _fulfilled), (OrderReturned, _returned))
    for version in versions_of(kind)
}


def _message(message: Command | Event, source: str, caused: Row = None) -> Outgoing:
    """Put a message in an envelope; with the id that a log entry names as its cause, if one does."""
    envelope = wrap(message, source=source)
    if caused is not None:
        envelope = msgspec.structs.replace(envelope, id=caused["caused_by"])
    return Outgoing(message.TOPIC, envelope.subject, encode(envelope))
