"""Levels: how many units of a product there are at a location, and who may have them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from onhand.common.contracts import StockLevel, StockLevelReplayed
from onhand.common.contracts.message import LARGEST_INTEGER


class Product(NamedTuple):
    """What a product is, as far as its numbers go.

    Attributes:
        low_stock_threshold: None: nobody wants to hear that it runs low.
    """

    product_id: str
    low_stock_threshold: int | None = None
    safety_stock: int = 0
    backorderable: bool = True


class Level:
    """Units of one product at one location: `0 <= reserved <= on_hand`. Changed in memory, then stored once.

    Attributes:
        priority: of the location; the lowest serves first.
        safety_stock: units that no order gets.
        before: what was on hand, what was reserved and what was kept from orders when it was read.
        stored: the same as it is stored now, by this transaction or before it.
    """

    __slots__ = ("before", "location_id", "on_hand", "priority", "product_id", "reserved", "safety_stock", "stored")

    def __init__(
        self, product_id: str, location_id: str, priority: int, on_hand: int, reserved: int, safety_stock: int
    ) -> None:
        self.product_id = product_id
        self.location_id = location_id
        self.priority = priority
        self.on_hand = on_hand
        self.reserved = reserved
        self.safety_stock = safety_stock
        self.before = self.stored = (on_hand, reserved, safety_stock)

    @property
    def available(self) -> int:
        """Units that nobody has."""
        return self.on_hand - self.reserved

    @property
    def promisable(self) -> int:
        """What a new order can get here."""
        return max(0, self.on_hand - self.reserved - self.safety_stock)


class Stock:
    """The levels of some products, all of each, locked by whoever holds this. What changes is stored at the end.

    Attributes:
        products: those of the products that are known.
    """

    def __init__(self, products: Iterable[Product], levels: Iterable[Level]) -> None:
        self.products = {product.product_id: product for product in products}
        self._redefined: dict[str, Product] = {}
        self._levels: dict[str, list[Level]] = {}
        self._places: dict[tuple[str, str], Level] = {}
        for level in levels:
            self._levels.setdefault(level.product_id, []).append(level)
            self._places[level.product_id, level.location_id] = level
        for of_product in self._levels.values():
            if len(of_product) > 1:
                of_product.sort(key=lambda level: (level.priority, level.location_id))

    def __iter__(self) -> Iterator[Level]:
        """All levels."""
        return iter(self._places.values())

    def of(self, product_id: str) -> list[Level]:
        """The levels of a product, in the order in which its locations serve; none if it is unknown."""
        return self._levels.get(product_id, [])

    def at(self, product_id: str, location_id: str) -> Level | None:
        """The level of a product at a location, if it has one."""
        return self._places.get((product_id, location_id))

    def level(self, product_id: str, location_id: str) -> Level:
        """The level of a product at a location where somebody has units of it, or had some."""
        return self._places[product_id, location_id]

    def promisable(self, product_id: str) -> int:
        """What a new order can get, over all locations."""
        return sum([level.promisable for level in self.of(product_id)])

    def has_room(self, product_id: str, units: int) -> bool:
        """Whether so many more can be asked to be on hand, over all locations; fewer always can.

        It is no question for what comes back: that is here, and may make them more.
        """
        return units <= 0 or sum(level.on_hand for level in self.of(product_id)) + units <= LARGEST_INTEGER

    def changed(self) -> list[Level]:
        """The levels that are not what is stored."""
        return [level for level in self if (level.on_hand, level.reserved, level.safety_stock) != level.stored]

    def note_stored(self) -> None:
        """Note that every level is stored as it is: one that then comes back to what it was has to be stored again."""
        for level in self:
            level.stored = (level.on_hand, level.reserved, level.safety_stock)

    def define(self, product: Product) -> None:
        """Say what a product is from now on; it has a level already."""
        self._redefined.setdefault(product.product_id, self.products[product.product_id])
        self.products[product.product_id] = product
        for level in self.of(product.product_id):
            level.safety_stock = product.safety_stock

    def product_before(self, product_id: str) -> Product:
        """What a product was before anything changed."""
        return self._redefined.get(product_id) or self.products[product_id]

    def promisable_before(self, product_id: str) -> int:
        """What a new order could have got before anything changed."""
        before = [level.before for level in self.of(product_id)]
        return sum([max(0, on_hand - reserved - safety_stock) for on_hand, reserved, safety_stock in before])

    def undo(self) -> None:
        """Make every level what it was."""
        for level in self:
            level.on_hand, level.reserved, level.safety_stock = level.before


def describe(product_id: str, stock: Stock, *, replayed: bool = False) -> StockLevel:
    """A product's level over all locations, as told to whoever changed it."""
    kind = StockLevelReplayed if replayed else StockLevel
    levels = stock.of(product_id)
    on_hand, reserved = sum(level.on_hand for level in levels), sum(level.reserved for level in levels)
    return kind(product_id=product_id, on_hand=on_hand, reserved=reserved, available=on_hand - reserved)
