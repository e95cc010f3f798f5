"""Which units an order or a hold gets, and from where. Pure: levels change in memory, rows are made to be stored."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias
from uuid import UUID

from onhand.common.contracts import Line, LineAllocation, LineShortage, OrderCreated, StockRejected, StockReserved
from onhand.common.contracts.message import LARGEST_INTEGER
from onhand.common.contracts.orders import RejectionReason
from onhand.inventory.domain.levels import Level, Stock

Answer: TypeAlias = StockReserved | StockRejected
Share: TypeAlias = dict[Level, int]
"""Units of one product, by where they are."""
_NOTHING: Mapping[str, Share] = {}


class Row(NamedTuple):
    """Units that one line of an order or a hold has at a location, or waits for, or did not get.

    Attributes:
        holder_id: the order's or the hold's id.
        row_no: of all rows of the holder, from 1 on.
        line_no: from 0 on.
        location_id: none if no units are granted.
        requested: units of the line, in its first row; 0 in the others, which are for units at other locations.
        waiting: units that the line waits for, in its first row.
        reason: why the order gets nothing, if so; the same in all of its rows.
        available: what the holder could have got there before; over all locations if nothing is granted.
    """

    holder_id: UUID
    row_no: int
    line_no: int
    product_id: str
    location_id: str | None
    requested: int
    granted: int
    waiting: int
    reason: RejectionReason | None
    available: int


class Released(NamedTuple):
    """Units that an order or a hold had at a location and gave back; or a line that waits no longer.

    Attributes:
        location_id: none if there was nothing to give back.
        units: given back.
        waiting: units that were waited for.
    """

    holder_id: UUID
    product_id: str
    location_id: str | None
    units: int
    waiting: int


class OpenRow(NamedTuple):
    """Units that an order or a hold has at a location, some of which have not left yet."""

    holder_id: UUID
    row_no: int
    product_id: str
    location_id: str
    granted: int
    shipped: int


class Decisions(NamedTuple):
    """What was decided: rows to be stored, and for each order what Orders is told."""

    rows: list[Row]
    answers: dict[UUID, Answer]


def decide(orders: Iterable[OrderCreated], stock: Stock) -> Decisions:
    """Decide orders one after the other, in the order they came, and reserve what they get.

    Nearly all orders are served whole from one location, and are through after the first lines here.
    """
    rows: list[Row] = []
    answers: dict[UUID, Answer] = {}
    for order in orders:
        order_id = order.order_id
        places = find_one_place(order.lines, stock)
        if places is None:
            decided, answers[order_id] = decide_in_parts(order, stock)
            rows += decided
            continue
        for line_no, (line, level) in enumerate(zip(order.lines, places, strict=True)):
            units = line.quantity
            available = level.promisable
            level.reserved += units
            row = Row(
                order_id, line_no + 1, line_no, line.product_id, level.location_id, units, units, 0, None, available
            )
            rows.append(row)
        answers[order_id] = StockReserved(order_id=order_id)
    return Decisions(rows, answers)


def find_one_place(lines: Sequence[Line], stock: Stock) -> list[Level] | None:
    """The levels of all lines at the first location, by priority, that can serve all of them whole, if there is one."""
    first, *others = lines
    for level in stock.of(first.product_id):
        if level.promisable < first.quantity:
            continue
        levels = [level]
        for line in others:
            other = stock.at(line.product_id, level.location_id)
            if other is None or other.promisable < line.quantity:
                break
            levels.append(other)
        else:
            return levels
    return None


def decide_in_parts(
    order: OrderCreated, stock: Stock, held: Mapping[str, Share] = _NOTHING
) -> tuple[list[Row], Answer]:
    """Decide an order as its policy says, and reserve what it gets.

    Args:
        order: to be decided.
        stock: with the levels of its products.
        held: for each product, units that are reserved for the order already.
    """
    shares = find_shares(order.lines, stock, held)
    missing = [line.quantity - sum(share.values()) for line, share in zip(order.lines, shares, strict=True)]
    if not any(missing):
        return take(order.order_id, order.lines, shares, held), StockReserved(order_id=order.order_id)
    reason = _why_not(order, missing, stock)
    if reason is not None:
        return reject(order, stock, reason, held)
    waiting = missing if order.policy == "backorder" else [0] * len(missing)
    allocations = tuple(
        LineAllocation(line.product_id, line.quantity - short, waits)
        for line, short, waits in zip(order.lines, missing, waiting, strict=True)
    )
    rows = take(order.order_id, order.lines, shares, held, waiting)
    return rows, StockReserved(order_id=order.order_id, lines=allocations)


def find_shares(lines: Sequence[Line], stock: Stock, held: Mapping[str, Share] = _NOTHING) -> list[Share]:
    """Find units for each line: those that are held for it, and the rest at one location if one has all of it."""
    shares = [share_of_held(line, held.get(line.product_id, {})) for line in lines]
    rest = [
        Line(line.product_id, line.quantity - sum(share.values()))
        for line, share in zip(lines, shares, strict=True)
        if sum(share.values()) < line.quantity
    ]
    places = find_one_place(rest, stock) if rest else []
    found = (
        {line.product_id: split(line.product_id, line.quantity, stock) for line in rest}
        if places is None
        else {line.product_id: {level: line.quantity} for line, level in zip(rest, places, strict=True)}
    )
    for line, share in zip(lines, shares, strict=True):
        for level, units in found.get(line.product_id, {}).items():
            share[level] = share.get(level, 0) + units
    return shares


def share_of_held(line: Line, held: Share) -> Share:
    """What a line needs of the units that are held for it."""
    share: Share = {}
    needed = line.quantity
    for level, units in held.items():
        if needed > 0:
            share[level] = min(needed, units)
            needed -= share[level]
    return share


def split(product_id: str, units: int, stock: Stock) -> Share:
    """Find up to so many units of a product: by priority of the location, then where there are most of them."""
    share: Share = {}
    levels = stock.of(product_id)
    if len(levels) > 1:
        levels = sorted(levels, key=lambda level: (level.priority, -level.promisable, level.location_id))
    for level in levels:
        found = min(units, level.promisable)
        if found > 0:
            share[level] = found
            units -= found
    return share


def take(
    holder_id: UUID,
    lines: Sequence[Line],
    shares: Sequence[Share],
    held: Mapping[str, Share] = _NOTHING,
    waiting: Sequence[int] | None = None,
) -> list[Row]:
    """Reserve what each line gets, but for what is held for it already; returns the rows that say so."""
    rows: list[Row] = []
    for line_no, (line, share) in enumerate(zip(lines, shares, strict=True)):
        product_id, own = line.product_id, held.get(line.product_id, {})
        requested, waits = line.quantity, waiting[line_no] if waiting else 0
        for level, units in share.items():
            has = own.get(level, 0)
            row = Row(
                holder_id,
                len(rows) + 1,
                line_no,
                product_id,
                level.location_id,
                requested,
                units,
                waits,
                None,
                level.promisable + has,
            )
            rows.append(row)
            level.reserved += max(0, units - has)
            requested = waits = 0
        if not share:
            rows.append(Row(holder_id, len(rows) + 1, line_no, product_id, None, requested, 0, waits, None, 0))
    return rows


def reject(
    order: OrderCreated, stock: Stock, reason: RejectionReason, held: Mapping[str, Share] = _NOTHING
) -> tuple[list[Row], StockRejected]:
    """Give an order nothing; that one of its products is unknown is told before any other reason."""
    if any(line.product_id not in stock.products for line in order.lines):
        reason = "unknown-product"
    shortages = [tell_shortage(line, stock, held) for line in order.lines]
    rows = refuse_all(order.order_id, shortages, reason)
    return rows, StockRejected(order_id=order.order_id, reason=reason, lines=tuple(shortages))


def tell_shortage(line: Line, stock: Stock, held: Mapping[str, Share] = _NOTHING) -> LineShortage:
    """What a line asks for, and what it could have; of more than it could ask for, just that much."""
    available = stock.promisable(line.product_id) + sum(held.get(line.product_id, {}).values())
    return LineShortage(line.product_id, line.quantity, min(available, LARGEST_INTEGER))


def refuse_all(order_id: UUID, lines: Sequence[LineShortage], reason: RejectionReason) -> list[Row]:
    """The rows of an order that gets nothing."""
    return [
        Row(order_id, line_no + 1, line_no, line.product_id, None, line.requested, 0, 0, reason, line.available)
        for line_no, line in enumerate(lines)
    ]


def give_back(stock: Stock, released: Iterable[Released]) -> None:
    """Reserve units no longer that are not held any more."""
    for row in released:
        if row.location_id is not None:
            stock.level(row.product_id, row.location_id).reserved -= row.units


def _why_not(order: OrderCreated, missing: Sequence[int], stock: Stock) -> RejectionReason | None:
    """Why an order gets nothing that cannot get all; none if its policy lets it have what there is."""
    short = [line for line, units in zip(order.lines, missing, strict=True) if units]
    if order.policy == "ship-available" and any(
        line.quantity > units for line, units in zip(order.lines, missing, strict=True)
    ):
        return None
    if order.policy == "backorder" and all(line.product_id in stock.products for line in order.lines):
        may_wait = all(stock.products[line.product_id].backorderable for line in short)
        return None if may_wait else "not-backorderable"
    return "insufficient-stock"
