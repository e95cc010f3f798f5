"""How stock is promised. Pure: no clock, no I/O."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from onhand.common.contracts import OrderCreated, RequestRefused, SetStock, StockLevel, StockRejected, StockReserved


class Level(NamedTuple):
    """Units of one product: `0 <= reserved <= on_hand`."""

    on_hand: int
    reserved: int

    @property
    def available(self) -> int:
        """What a new order can get."""
        return self.on_hand - self.reserved


class Decision(NamedTuple):
    """What an order gets, and how many units were available when it was decided."""

    order: OrderCreated
    answer: StockReserved | StockRejected
    available: int


def decide(orders: Iterable[OrderCreated], levels: Mapping[str, Level]) -> tuple[list[Decision], dict[str, Level]]:
    """Decide orders one after the other: each gets all of its units, or none.

    Args:
        orders: in the order they came.
        levels: of the products that are known.

    Returns:
        A decision for each order, and the new levels of the products that changed.
    """
    changed: dict[str, Level] = {}
    decisions = []
    for order in orders:
        level = changed.get(order.product_id) or levels.get(order.product_id)
        available = level.available if level else 0
        if level and order.quantity <= available:
            changed[order.product_id] = level._replace(reserved=level.reserved + order.quantity)
            answer: StockReserved | StockRejected = StockReserved(order_id=order.order_id)
        else:
            answer = StockRejected(
                order_id=order.order_id,
                reason="insufficient-stock" if level else "unknown-product",
                requested=order.quantity,
                available=available,
            )
        decisions.append(Decision(order, answer, available))
    return decisions, changed


def set_on_hand(command: SetStock, level: Level) -> Level | RequestRefused:
    """Change what is on hand; not below what open orders hold."""
    if command.on_hand < level.reserved:
        detail = f"{level.reserved} units of {command.product_id} are reserved; on hand cannot be less."
        return RequestRefused(code="on-hand-below-reserved", detail=detail)
    return Level(command.on_hand, level.reserved)


def describe(product_id: str, level: Level) -> StockLevel:
    """A product's level, as told to others."""
    return StockLevel(product_id=product_id, on_hand=level.on_hand, reserved=level.reserved, available=level.available)
