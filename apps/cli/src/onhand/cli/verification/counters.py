"""The counters of an order's lines, and whether they can be true. Pure: no clock, no I/O."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from onhand.cli.verification.folding import Counts, State
from onhand.common.contracts import Line


def wrong_with_counters(state: State, fulfilment: str) -> Iterator[str]:
    """Say why the counters of an order cannot be true.

    Args:
        state: the order as it is stored.
        fulfilment: as it is stored beside the counters that say it, too.
    """
    if len(state.counts) != len(state.lines):
        yield f"has {len(state.lines)} lines, and counters of {len(state.counts)}"
        return
    if len({line.product_id for line in state.lines}) != len(state.lines):
        yield "has a product in more than one of its lines"
    waits = False
    for line, it in zip(state.lines, state.counts, strict=True):
        waits = waits or it.backordered > 0
        accounted = it.reserved + it.backordered + it.fulfilled + it.cancelled
        if accounted != (0 if state.status == "pending" else line.quantity):
            yield f"has {line.quantity} of {line.product_id} ordered, and {accounted} accounted for: {shown(it)}"
        if min(it.reserved, it.backordered, it.fulfilled, it.cancelled) < 0 or not 0 <= it.returned <= it.fulfilled:
            yield f"has impossible counters for {line.product_id}: {shown(it)}"
        if state.status in {"rejected", "cancelled"} and it.cancelled != line.quantity:
            yield f"is {state.status}, but has {shown(it)} of {line.product_id}"
    if waits != (state.status == "backordered"):
        yield f"is {state.status}, but waits for {'units' if waits else 'nothing'}"
    if (counted := _fulfilment(state.lines, state.counts)) != fulfilment:
        yield f"is {fulfilment}, but its counters say {counted}"


def shown(value: object) -> str:
    """Write a part of an order, or of what Inventory has of it, in words."""
    match value:
        case Line():
            return f"{value.quantity} of {value.product_id}"
        case Struct():
            counts = ((name, getattr(value, name)) for name in value.__struct_fields__)
            return ", ".join(f"{count} {name}" for name, count in counts if count) or "nothing"
        case list() | tuple():
            return "[" + "; ".join(map(shown, value)) + "]"
        case _:
            return "-" if value is None else str(value)


def _fulfilment(lines: Sequence[Line], counts: Sequence[Counts]) -> str:
    """How far an order is sent, and how far it is back."""
    sent = sum([it.fulfilled for it in counts])
    if not sent:
        return "unfulfilled"
    back = sum(it.returned for it in counts)
    is_all_sent = sent == sum(line.quantity for line in lines) - sum(it.cancelled for it in counts)
    if not back:
        return "fulfilled" if is_all_sent else "partially-fulfilled"
    return "returned" if back == sent and is_all_sent else "partially-returned"
