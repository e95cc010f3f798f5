"""What Inventory has of an order, held against what Orders says of it. Pure: no clock, no I/O."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET, Struct

from onhand.cli.verification.counters import shown
from onhand.cli.verification.folding import Booked, Counts, State


class Share(NamedTuple):
    """A row of `reservations`. A reason says why nothing is reserved."""

    holder_id: UUID
    row_no: int
    line_no: int
    product_id: str
    requested: int
    granted: int
    shipped: int
    waiting: int
    reason: str | None
    available: int
    is_released: bool


class Movement(NamedTuple):
    """A row of `movements` that an order is the cause of."""

    order_id: UUID
    movement_id: UUID
    product_id: str
    quantity: int


class Use(NamedTuple):
    """A row of `holds`, of one that an order has used."""

    order_id: UUID
    reservation_id: UUID


class _Held(Struct):
    """What Inventory has of one line."""

    requested: int = 0
    granted: int = 0
    shipped: int = 0
    waiting: int = 0
    available: int = 0


def wrong_with_shares(state: State, shares: Sequence[Share]) -> Iterator[str]:
    """Say where what an order tells of its lines is not what Inventory decided and gave it since."""
    if state.status == "pending":
        yield "is still pending" + (f", though Inventory has decided: {decided(shares)}" if shares else "")
    elif not shares:
        yield f"is {state.status}, but Inventory has decided nothing"
    elif state.status != "cancelled" and any(share.reason != state.reason for share in shares):
        yield f"is {state.status} ({state.reason or decided([])}), but Inventory decided: {decided(shares)}"
    else:
        if state.status != "rejected":
            yield from _wrong_with_release(state, shares)
        yield from _wrong_with_lines(state, shares)


def wrong_with_uses(state: State, uses: Sequence[Use]) -> Iterator[str]:
    """Say which holds an order has used that it was not to use."""
    if any(it.reservation_id != state.reservation_id for it in uses) or len(uses) > 1:
        used = ", ".join(str(it.reservation_id) for it in uses)
        yield f"has used the holds {used}, but was to use {state.reservation_id or 'none'}"


def wrong_with_movements(booked: Sequence[Booked], movements: Sequence[Movement]) -> Iterator[str]:
    """Say which fulfilments and returns are not in the ledger as they are in the log, and what else is there."""
    told: Counter[tuple[UUID, str]] = Counter()
    moved: Counter[tuple[UUID, str]] = Counter()
    for it in booked:
        told[it.change_id, it.product_id] += it.quantity
    for row in movements:
        moved[row.movement_id, row.product_id] += row.quantity
    for key in dict.fromkeys([*told, *moved]):
        change_id, product_id = key
        in_log = f"{told[key]:+}" if key in told else "nothing"
        in_ledger = f"{moved[key]:+}" if key in moved else "nothing"
        if in_log != in_ledger:
            yield f"has {in_log} of {product_id} by {change_id} in its log, and {in_ledger} in the ledger of Inventory"


def decided(shares: Sequence[Share]) -> str:
    """What was decided, in words."""
    return next((share.reason for share in shares if share.reason), "it has units, or waits for them")


def _wrong_with_release(state: State, shares: Sequence[Share]) -> Iterator[str]:
    is_over = state.status == "cancelled"
    for share in shares:
        if share.is_released != is_over:
            yield f"is {state.status}, but Inventory {'has not' if is_over else 'has'} taken back {share.product_id}"


def _wrong_with_lines(state: State, shares: Sequence[Share]) -> Iterator[str]:
    held = [_Held() for _ in state.lines]
    for share in shares:
        if share.line_no >= len(held) or share.product_id != state.lines[share.line_no].product_id:
            yield f"did not order {share.product_id} in line {share.line_no}, but Inventory decided on that"
            return
        _add(held[share.line_no], share)
    for line, count, it in zip(state.lines, state.counts, held, strict=True):
        if it.requested != line.quantity:
            yield f"is for {shown(line)}, but Inventory decided on {it.requested}"
        elif not _is_the_same(state, count, it):
            yield f"has of {line.product_id} {shown(count)}, but Inventory {shown(it)}"
        elif state.status == "rejected" and count.available is not UNSET and count.available != it.available:
            yield f"tells of {count.available} of {line.product_id}, but Inventory saw {it.available}"


def _add(held: _Held, share: Share) -> None:
    held.requested += share.requested
    held.granted += share.granted
    held.shipped += share.shipped
    held.waiting += share.waiting
    held.available = max(held.available, share.available)


def _is_the_same(state: State, count: Counts, held: _Held) -> bool:
    if state.status == "cancelled":
        return not held.shipped and not held.waiting
    left = held.granted - held.shipped
    return count.reserved == left and count.fulfilled == held.shipped and count.backordered == held.waiting
