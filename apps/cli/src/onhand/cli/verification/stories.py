"""One order, as both services tell it, and what is wrong with it. Pure: no clock, no I/O.

The rules are written down here once more, instead of being taken from the services: a check that shared the code which
it checks would share its faults.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import UUID

from msgspec import MsgspecError
from msgspec.json import Decoder

from onhand.cli.verification.findings import Finding, Invariant
from onhand.common.contracts import OrderConfirmed, OrderCreated, OrderRejected


class Order(NamedTuple):
    """A row of `orders`."""

    order_id: UUID
    customer_id: str
    product_id: str
    quantity: int
    status: str
    reason: str | None
    version: int


class History(NamedTuple):
    """The rows of `order_events` of one order, in the order of their versions."""

    order_id: UUID
    versions: list[int]
    types: list[str]
    data: list[str]


class Decision(NamedTuple):
    """A row of `reservations`. A reason says why nothing is reserved."""

    order_id: UUID
    product_id: str
    quantity: int
    reason: str | None


class Story(NamedTuple):
    """All that is stored of one order; each part may be missing."""

    order_id: UUID
    order: Order | None
    history: History | None
    decision: Decision | None


_ENDS = {OrderConfirmed.TYPE: "confirmed", OrderRejected.TYPE: "rejected"}
_STATUS_AFTER = {OrderCreated.TYPE: "pending", **_ENDS}
_READ: dict[str, Callable[[str], OrderCreated | OrderConfirmed | OrderRejected]] = {
    OrderCreated.TYPE: Decoder(OrderCreated).decode,
    OrderConfirmed.TYPE: Decoder(OrderConfirmed).decode,
    OrderRejected.TYPE: Decoder(OrderRejected).decode,
}


def judge(story: Story) -> Iterator[Finding]:
    """Say what is wrong with an order. What is still on its way looks wrong as well: look again a moment later."""
    order, history, decision = story.order, story.history, story.decision
    problems: list[tuple[Invariant, str | None]] = []
    if order is None:
        problems.append(("I1", f"has a log of {len(history.types)} events and is not stored" if history else None))
        problems.append(("I3", f"was decided ({_told(decision.reason)}) and is not stored" if decision else None))
    elif history is None:
        problems.append(("I1", "is stored without a log"))
        problems.append(("I3", _wrong_with_decision(order, decision)))
    else:
        problems.append(("I1", _wrong_with_log(order, history)))
        problems.append(("I3", _wrong_with_end(order, history) or _wrong_with_decision(order, decision)))
        problems.append(("I4", _wrong_with_fold(order, history)))
    for invariant, problem in problems:
        if problem:
            yield Finding(invariant, str(story.order_id), problem)


def _wrong_with_log(order: Order, history: History) -> str | None:
    count = len(history.versions)
    if history.versions != list(range(1, count + 1)):
        return f"has the versions {_listed(history.versions)} in its log, not 1 to {count}"
    if history.types[0] != OrderCreated.TYPE:
        return f"has a log that begins with {history.types[0]}"
    if order.version != count:
        return f"is of version {order.version}, but its log ends with {count}"
    return None


def _wrong_with_end(order: Order, history: History) -> str | None:
    ends = [kind for kind in history.types if kind in _ENDS]
    if len(ends) > 1:
        return f"ended {len(ends)} times: {_listed(ends)}"
    if order.status != _STATUS_AFTER.get(history.types[-1]):
        return f"is {order.status}, but the last event of its log is {history.types[-1]}"
    return None


def _wrong_with_decision(order: Order, decision: Decision | None) -> str | None:
    if order.status == "pending":
        return "is still pending" + (f", though Inventory has decided: {_told(decision.reason)}" if decision else "")
    if decision is None:
        return f"is {order.status}, but Inventory has decided nothing"
    if (order.status == "confirmed") != (decision.reason is None) or order.reason != decision.reason:
        return f"is {order.status} ({_told(order.reason)}), but Inventory decided: {_told(decision.reason)}"
    if (order.product_id, order.quantity) != (decision.product_id, decision.quantity):
        ordered, decided = (f"{it.quantity} of {it.product_id}" for it in (order, decision))
        return f"is for {ordered}, but Inventory decided on {decided}"
    return None


def _wrong_with_fold(order: Order, history: History) -> str | None:
    """What an order would be if its log were told again from the beginning, held against what it is."""
    try:
        events = [_READ[kind](data) for kind, data in zip(history.types, history.data, strict=True)]
    except KeyError as unknown:
        return f"has an event of an unknown type in its log: {unknown.args[0]}"
    except MsgspecError as error:
        return f"has an event in its log that cannot be read: {error}"
    customer, product, quantity, status, reason = None, None, None, None, None
    for event in events:
        if event.order_id != order.order_id:
            return "has an event of another order in its log"
        status, reason = _STATUS_AFTER[event.TYPE], None
        if isinstance(event, OrderCreated):
            customer, product, quantity = event.customer_id, event.product_id, event.quantity
        elif isinstance(event, OrderRejected):
            reason = event.reason
    told = (customer, product, quantity, status, reason)
    stored = (order.customer_id, order.product_id, order.quantity, order.status, order.reason)
    return None if told == stored else f"is stored as {_shown(stored)}, but its log leads to {_shown(told)}"


def _told(reason: str | None) -> str:
    return reason or "its units are reserved"


def _shown(state: tuple[object, ...]) -> str:
    return ", ".join("-" if value is None else str(value) for value in state)


def _listed(values: list[int] | list[str]) -> str:
    return ", ".join(map(str, values))
