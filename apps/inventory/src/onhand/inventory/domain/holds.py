"""Units that are held for a while without an order, and how an order takes them. Pure: no clock, no I/O."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET

from onhand.common.contracts import HoldDetails, HoldStock, OrderCreated, RequestRefused
from onhand.common.contracts.holds import HoldState
from onhand.common.contracts.message import Lines
from onhand.inventory.domain.allocation import (
    Decisions,
    OpenRow,
    Row,
    Share,
    decide_in_parts,
    find_shares,
    reject,
    share_of_held,
    take,
    tell_shortage,
)
from onhand.inventory.domain.levels import Stock


class Hold(NamedTuple):
    """A hold as it stands.

    Attributes:
        state: `expired` also if its time is over and nobody has swept it yet.
        ttl_seconds: as it was asked for first.
        order_id: the order that used it.
    """

    reservation_id: UUID
    state: HoldState
    lines: Lines
    ttl_seconds: int
    reference: str | None
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    order_id: UUID | None

    @property
    def is_active(self) -> bool:
        """Whether its units are held for whoever comes with its id."""
        return self.state == "active"


class Use(NamedTuple):
    """An order that takes the units of a hold.

    Attributes:
        surplus: what it does not need.
    """

    order_id: UUID
    surplus: Share


def describe(hold: Hold, kind: type[HoldDetails] = HoldDetails) -> HoldDetails:
    """A hold, as told to others."""
    return kind(
        reservation_id=hold.reservation_id,
        state=hold.state,
        lines=hold.lines,
        created_at=hold.created_at,
        expires_at=hold.expires_at,
        ended_at=hold.ended_at or UNSET,
        order_id=hold.order_id or UNSET,
        reference=hold.reference or UNSET,
    )


def is_same(command: HoldStock, hold: Hold) -> bool:
    """Whether a command asks for just what is stored under its id."""
    return (command.lines, command.ttl_seconds, command.reference or None) == (
        hold.lines,
        hold.ttl_seconds,
        hold.reference,
    )


def refuse(command: HoldStock, stock: Stock) -> RequestRefused | None:
    """Why units of all lines cannot be held, if so."""
    for line_no, line in enumerate(command.lines):
        if line.product_id not in stock.products:
            detail = f"There is no product {line.product_id}."
            return RequestRefused(code="product-not-found", detail=detail, pointer=f"/lines/{line_no}/productId")
    lines = [tell_shortage(line, stock) for line in command.lines]
    short = sum(line.requested > line.available for line in lines)
    if short == 0:
        return None
    detail = f"There is not enough of {short} of {len(lines)} products."
    return RequestRefused(code="insufficient-stock", detail=detail, lines=tuple(lines))


def hold(command: HoldStock, stock: Stock) -> list[Row]:
    """Reserve units of all lines of a command that is not refused."""
    return take(command.reservation_id, command.lines, find_shares(command.lines, stock))


def collect_held(rows: Iterable[OpenRow], stock: Stock) -> dict[str, Share]:
    """What a hold holds, by product and level."""
    held: dict[str, Share] = {}
    for row in rows:
        held.setdefault(row.product_id, {})[stock.level(row.product_id, row.location_id)] = row.granted
    return held


def decide_orders(
    orders: Iterable[tuple[UUID, OrderCreated]],
    stock: Stock,
    held: Mapping[UUID, Mapping[str, Share]],
    ended: Collection[UUID],
) -> tuple[Decisions, dict[UUID, Use]]:
    """Decide orders that name a hold, one after the other, and reserve what they get beyond what is held for them.

    An order that gets nothing leaves its hold as it is. One whose hold has ended competes like any other.

    Args:
        orders: in the order they came, each with the hold that it names.
        stock: with the levels of their products, and of those that are held.
        held: for each hold that is active what it holds, by product.
        ended: holds that are known and not active.

    Returns:
        The decisions, and for each hold that is used now by whom. What an order does not need is reserved still, so
        that no order of the batch gets in front of those that wait for it.
    """
    decisions = Decisions([], {})
    uses: dict[UUID, Use] = {}
    for hold_id, order in orders:
        if hold_id in held and hold_id not in uses:
            own = held[hold_id]
            rows, answer = decide_in_parts(order, stock, own)
            if rows[0].reason is None:
                uses[hold_id] = Use(order.order_id, _surplus(order.lines, own))
        elif hold_id in ended or hold_id in uses:
            rows, answer = decide_in_parts(order, stock)
        else:
            rows, answer = reject(order, stock, "unknown-reservation")
        decisions.rows.extend(rows)
        decisions.answers[order.order_id] = answer
    return decisions, uses


def _surplus(lines: Lines, held: Mapping[str, Share]) -> Share:
    needed = {line.product_id: line for line in lines}
    surplus: Share = {}
    for product_id, share in held.items():
        used = share_of_held(needed[product_id], share) if product_id in needed else {}
        surplus |= {level: units - used.get(level, 0) for level, units in share.items() if units > used.get(level, 0)}
    return surplus
