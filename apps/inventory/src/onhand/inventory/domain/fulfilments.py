"""Units that leave for a customer, and units that come back. Pure."""

from typing import NamedTuple
from uuid import UUID

from onhand.common.contracts import OrderFulfilled, OrderReturned
from onhand.inventory.domain.allocation import OpenRow
from onhand.inventory.domain.ledger import Entry
from onhand.inventory.domain.levels import Stock

NOT_RESTOCKED = "not restocked"


class NotReserved(Exception):
    """An order sends off units that nobody has reserved for it. That is for a person to look at."""


class Sent(NamedTuple):
    """Units of an order that left from a location and are not back there."""

    order_id: UUID
    product_id: str
    location_id: str
    units: int


def ship(event: OrderFulfilled, rows: list[OpenRow], stock: Stock, actor: str | None) -> list[Entry]:
    """Take units of an order out of the stock, those first that it got first.

    Args:
        event: for the first time.
        rows: all that the order has, in the order in which it got it; changed to what is left.
        stock: with the levels of its products.
        actor: who wanted it, if anybody said so.

    Returns:
        The ledger's entries.

    Raises:
        NotReserved: the order does not have so many units.
    """
    needed = {line.product_id: line.quantity for line in event.lines}
    entries = []
    for position, row in enumerate(rows):
        units = min(needed.get(row.product_id, 0), row.granted - row.shipped)
        if units == 0:
            continue
        needed[row.product_id] -= units
        rows[position] = row._replace(shipped=row.shipped + units)
        level = stock.level(row.product_id, row.location_id)
        level.on_hand -= units
        level.reserved -= units
        entry = Entry(
            event.fulfilment_id,
            row.row_no,
            "sale",
            row.product_id,
            row.location_id,
            -units,
            level.on_hand,
            order_id=event.order_id,
            reference=event.reference or None,
            actor=actor,
        )
        entries.append(entry)
    short = {product_id: units for product_id, units in needed.items() if units}
    if short:
        raise NotReserved(f"order {event.order_id} sends off more than it has, of {', '.join(sorted(short))}")
    return entries


def take_back(event: OrderReturned, sent: list[Sent], stock: Stock, actor: str | None) -> list[Entry]:
    """Put units of an order back to where they left from, if they can be sold again.

    Args:
        event: for the first time.
        sent: what the order was sent, the latest first; changed to what is not back afterwards.
        stock: with the levels of its products.
        actor: who wanted it, if anybody said so.

    Returns:
        The ledger's entries; none if the return cannot be booked now, because that the units left is not known yet. It
        will be told again.
    """
    coming: list[tuple[int, int]] = []
    for line in event.lines:
        missing = line.quantity
        for position, place in enumerate(sent):
            if place.product_id == line.product_id and missing and place.units:
                units = min(missing, place.units)
                coming.append((position, units))
                missing -= units
        if missing:
            return []
    entries: list[Entry] = []
    for position, units in coming:
        place = sent[position]
        level = stock.level(place.product_id, place.location_id)
        if event.restock:
            level.on_hand += units
            sent[position] = place._replace(units=place.units - units)
        entry = Entry(
            event.return_id,
            len(entries) + 1,
            "return",
            place.product_id,
            place.location_id,
            units if event.restock else 0,
            level.on_hand,
            order_id=event.order_id,
            reason=event.reason or (None if event.restock else NOT_RESTOCKED),
            actor=actor,
        )
        entries.append(entry)
    return entries
