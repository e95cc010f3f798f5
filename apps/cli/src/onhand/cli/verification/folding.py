"""What an order is according to its log: told again from the beginning. Pure: no clock, no I/O.

The rules are written down here once more, instead of being taken from Orders: a check that shared the code which it
checks would share its faults.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import UNSET, MsgspecError, Struct, UnsetType, field
from msgspec.json import Decoder

from onhand.common.contracts import (
    BackorderPromised,
    Line,
    OrderBackordered,
    OrderCancelled,
    OrderConfirmed,
    OrderCreated,
    OrderFulfilled,
    OrderRejected,
    OrderReturned,
)
from onhand.common.contracts.message import Metadata

OrderEvent = (
    OrderCreated
    | OrderConfirmed
    | OrderBackordered
    | OrderRejected
    | OrderCancelled
    | OrderFulfilled
    | OrderReturned
    | BackorderPromised
)


class Entry(NamedTuple):
    """A row of `order_events`."""

    order_id: UUID
    version: int
    type: str
    data: str


class Counts(Struct):
    """What has become of the units of one line, as in `LineDetails`."""

    reserved: int = 0
    backordered: int = 0
    fulfilled: int = 0
    returned: int = 0
    cancelled: int = 0
    available: int | UnsetType = UNSET


class State(Struct):
    """What an order is.

    Attributes:
        counts: of each line, in the order of the lines.
    """

    customer_id: str | None = None
    lines: tuple[Line, ...] = ()
    policy: str | None = None
    reservation_id: UUID | None = None
    reference: str | None = None
    metadata: Metadata | None = None
    status: str | None = None
    reason: str | None = None
    counts: list[Counts] = field(default_factory=list)


class Booked(NamedTuple):
    """Units that a fulfilment or a return has to move; below 0: out of the stock."""

    change_id: UUID
    product_id: str
    quantity: int


class Told(NamedTuple):
    """What a log tells.

    Attributes:
        booked: what Inventory has to have in its ledger for it.
    """

    state: State
    booked: list[Booked]


class CannotFold(Exception):
    """The log makes no sense; the message goes on where "order X" ends."""


_OPEN: set[str | None] = {"confirmed", "backordered"}
_STATUS_AFTER = {
    OrderCreated.TYPE: "pending",
    OrderConfirmed.TYPE: "confirmed",
    OrderBackordered.TYPE: "backordered",
    OrderRejected.TYPE: "rejected",
    OrderCancelled.TYPE: "cancelled",
}
_ALLOWED_IN: dict[str, set[str | None]] = {
    OrderCreated.TYPE: {None},
    OrderConfirmed.TYPE: {"pending", "backordered"},
    OrderBackordered.TYPE: {"pending", "backordered"},
    OrderRejected.TYPE: {"pending"},
    OrderCancelled.TYPE: {"pending", *_OPEN},
    OrderFulfilled.TYPE: _OPEN,
    OrderReturned.TYPE: _OPEN,
    BackorderPromised.TYPE: {"backordered"},
}


def last_status(log: Sequence[Entry]) -> str | None:
    """The status of an order whose log this is; None if no event of it says one."""
    return next((status for it in reversed(log) if (status := _STATUS_AFTER.get(it.type))), None)


def missteps(log: Sequence[Entry]) -> Iterator[str]:
    """Say of each event that came when it could not, in which status it came."""
    status: str | None = None
    for entry in log:
        if status not in _ALLOWED_IN.get(entry.type, {status}):
            yield f"{entry.type} when it was {status or 'not there'}"
        status = _STATUS_AFTER.get(entry.type, status)


def fold(order_id: UUID, log: Sequence[Entry]) -> Told:
    """Tell a log again from the beginning.

    Raises:
        CannotFold: it makes no sense.
    """
    told = Told(State(), [])
    for entry in log:
        event = _read(entry)
        if event.order_id != order_id:
            raise CannotFold("has an event of another order in its log")
        told.state.status = _STATUS_AFTER.get(entry.type, told.state.status)
        _STEPS[entry.type].take(told, event)
    return told


def implied_counts(lines: Iterable[Line], status: str) -> list[Counts]:
    """The counters of an order that has none stored, because its status says it all."""
    match status:
        case "confirmed":
            return [Counts(reserved=line.quantity) for line in lines]
        case "rejected" | "cancelled":
            return [Counts(cancelled=line.quantity) for line in lines]
        case _:
            return [Counts() for _ in lines]


def _read(entry: Entry) -> OrderEvent:
    try:
        event: OrderEvent = _STEPS[entry.type].read(entry.data)
    except KeyError as unknown:
        raise CannotFold(f"has an event of an unknown type in its log: {unknown.args[0]}") from None
    except MsgspecError as error:
        raise CannotFold(f"has an event in its log that cannot be read: {error}") from None
    return event


def _create(told: Told, event: OrderCreated) -> None:
    state = told.state
    state.customer_id, state.lines, state.policy = event.customer_id, event.lines, event.policy
    state.reservation_id, state.reference = event.reservation_id or None, event.reference or None
    state.metadata = event.metadata or None
    state.counts = implied_counts(event.lines, "pending")


def _settle(told: Told, event: OrderConfirmed | OrderBackordered) -> None:
    if not event.lines:
        told.state.counts = implied_counts(told.state.lines, "confirmed")
        return
    for count, outcome in _lines_of(told.state, event.lines):
        count.reserved, count.backordered = outcome.reserved, outcome.backordered
        count.cancelled = outcome.cancelled


def _reject(told: Told, event: OrderRejected) -> None:
    told.state.reason = event.reason
    told.state.counts = implied_counts(told.state.lines, "rejected")
    for count, shortage in _lines_of(told.state, event.lines):
        count.available = shortage.available


def _cancel(told: Told, event: OrderCancelled) -> None:
    told.state.reason = event.reason or None
    told.state.counts = implied_counts(told.state.lines, "cancelled")


def _fulfil(told: Told, event: OrderFulfilled) -> None:
    for count, line in _lines_of(told.state, event.lines):
        count.reserved -= line.quantity
        count.fulfilled += line.quantity
        told.booked.append(Booked(event.fulfilment_id, line.product_id, -line.quantity))


def _take_back(told: Told, event: OrderReturned) -> None:
    for count, line in _lines_of(told.state, event.lines):
        count.returned += line.quantity
        told.booked.append(Booked(event.return_id, line.product_id, line.quantity if event.restock else 0))


def _promise(_: Told, __: BackorderPromised) -> None:
    """Dates are not added up."""


def _lines_of(state: State, told: Iterable[Any]) -> Iterator[tuple[Counts, Any]]:
    """What an event tells of lines, each with the counters of its line."""
    places = {line.product_id: count for line, count in zip(state.lines, state.counts, strict=True)}
    for it in told:
        if it.product_id not in places:
            raise CannotFold(f"has an event in its log about {it.product_id}, which nobody ordered")
        yield places[it.product_id], it


class _Step(NamedTuple):
    """How an event is read, and what follows from it."""

    read: Callable[[str], Any]
    take: Callable[[Told, Any], None]


_STEPS = {
    OrderCreated.TYPE: _Step(Decoder(OrderCreated).decode, _create),
    OrderConfirmed.TYPE: _Step(Decoder(OrderConfirmed).decode, _settle),
    OrderBackordered.TYPE: _Step(Decoder(OrderBackordered).decode, _settle),
    OrderRejected.TYPE: _Step(Decoder(OrderRejected).decode, _reject),
    OrderCancelled.TYPE: _Step(Decoder(OrderCancelled).decode, _cancel),
    OrderFulfilled.TYPE: _Step(Decoder(OrderFulfilled).decode, _fulfil),
    OrderReturned.TYPE: _Step(Decoder(OrderReturned).decode, _take_back),
    BackorderPromised.TYPE: _Step(Decoder(BackorderPromised).decode, _promise),
}
