"""What clients of a load do: mostly plain orders, and everything else that a shop does with orders and stock."""

from collections import deque
from random import Random

from tests.e2e.system import System
from tests.e2e.traffic import put, set_stock
from tests.failures import errands
from tests.failures.clients import Wish
from tests.failures.errands import Errand
from tests.failures.history import Deed, Lines, Purchase, Record

LOCATIONS = {"main": 100, "east": 50}
"""Where stock is, each place with its priority."""
_SHOP_PRODUCTS = 6
_PLAIN = 0.6
"""Part of the purchases that are for one product, as most are."""
_AGAIN = 0.15
"""Part of what has a key that is sent again at once, as if the answer had been lost."""
_AGAIN_IF_UNKNOWN = 0.8
_RECENT = 50
_WEIGHTS = {
    "cancel": 3,
    "fulfil": 4,
    "return": 3,
    "receive": 3,
    "adjust": 1,
    "count": 1,
    "transfer": 2,
    "expect": 1,
    "hold": 3,
    "extend": 1,
    "release": 1,
    "see-hold": 2,
}
"""How often each errand is done, beside the others."""
_TO_ORDERS = {"cancel", "fulfil", "return"}
_TO_HOLDS = {"extend", "release", "see-hold"}


class Mix:
    """What the clients of one load know of, and may do next.

    Attributes:
        orders: the latest that somebody was told of, each with its lines.
        holds: ids of the latest.
    """

    def __init__(self, name: str) -> None:
        self.orders: deque[tuple[str, Lines]] = deque(maxlen=_RECENT)
        self.holds: deque[str] = deque(maxlen=_RECENT)
        self._shelves = {f"{name}-plenty": 1_000_000, f"{name}-scarce": 50, f"{name}-hot": 500}
        self._products = [*self._shelves, f"{name}-plenty", f"{name}-unknown"]
        self._shop = [f"{name}-shop-{number}" for number in range(_SHOP_PRODUCTS)]

    def fill_shelves(self, system: System) -> None:
        """Say what there is, and where; some of it is kept for a rainy day, and of one nobody may wait for more."""
        for location, priority in LOCATIONS.items():
            put(system, f"locations/{location}", {"priority": priority})
        for product, on_hand in self._shelves.items():
            set_stock(system, product, on_hand)
        for number, product in enumerate(self._shop):
            for location in LOCATIONS:
                set_stock(system, product, 10 + number, location)
            body = {"safetyStock": number % 2, "lowStockThreshold": 5, "backorderable": number > 0}
            put(system, f"products/{product}", body)

    def next_wish(self, random: Random, customer: str) -> Wish:
        """An order to be placed."""
        if random.random() < _PLAIN:
            return Wish(customer, ((random.choice(self._products), random.randint(1, 3)),))
        return Wish(
            customer,
            self._lines(random),
            random.choice(["all-or-nothing", "ship-available", "backorder", "backorder"]),
            customer if random.random() < 0.5 else "",
            random.choice(self.holds) if self.holds and random.random() < 0.3 else "",
        )

    def next_errand(self, random: Random, key: str) -> Errand:
        """Something else to be done."""
        not_yet = (set() if self.orders else _TO_ORDERS) | (set() if self.holds else _TO_HOLDS)
        verbs = [verb for verb in _WEIGHTS if verb not in not_yet]
        verb = random.choices(verbs, [_WEIGHTS[it] for it in verbs])[0]
        if verb in _TO_ORDERS:
            return self._to_an_order(verb, random, key)
        if verb in _TO_HOLDS:
            return self._to_a_hold(verb, random, key)
        if verb == "hold":
            return errands.hold(key, self._lines(random), random.randint(1, 4))
        return self._to_stock(verb, random, key)

    def is_sent_again(self, random: Random, record: Record) -> bool:
        """Whether a client sends the same once more: sometimes, and mostly if it does not know what came of it."""
        has_key = isinstance(record, Purchase | Deed) and bool(record.key)
        return has_key and random.random() < (_AGAIN_IF_UNKNOWN if record.is_unknown else _AGAIN)

    def note(self, record: Record) -> None:
        """Remember what there is now."""
        if isinstance(record, Purchase) and record.order_id:
            self.orders.append((record.order_id, record.lines))
        elif isinstance(record, Deed) and record.verb == "hold" and record.is_done:
            self.holds.append(record.told_id)

    def _lines(self, random: Random) -> Lines:
        products = random.sample(self._shop, random.randint(1, 3))
        return tuple((product, random.randint(1, 4)) for product in products)

    def _to_an_order(self, verb: str, random: Random, key: str) -> Errand:
        order_id, lines = random.choice(self.orders)
        some: Lines = ((random.choice(lines)[0], 1),) if random.random() < 0.3 else ()
        match verb:
            case "cancel":
                return errands.cancel(order_id, key)
            case "fulfil":
                return errands.fulfil(order_id, key, some)
            case _:
                return errands.take_back(order_id, key, restock=random.random() < 0.7, lines=some)

    def _to_a_hold(self, verb: str, random: Random, key: str) -> Errand:
        hold_id = random.choice(self.holds)
        match verb:
            case "extend":
                return errands.extend(hold_id, key, random.randint(1, 4))
            case "release":
                return errands.release(hold_id, key)
            case _:
                return errands.see_hold(hold_id, key)

    def _to_stock(self, verb: str, random: Random, key: str) -> Errand:
        product = random.choice(self._shop)
        here, there = random.sample(list(LOCATIONS), 2)
        match verb:
            case "receive":
                return errands.move(product, key, verb, quantity=random.randint(1, 10), locationId=here)
            case "adjust":
                return errands.move(product, key, verb, quantity=random.choice([-2, -1, 1, 2]), locationId=here)
            case "count":
                return errands.move(product, key, verb, onHand=random.randint(0, 30), locationId=here)
            case "transfer":
                places = {"fromLocationId": here, "toLocationId": there}
                return errands.move(product, key, verb, quantity=random.randint(1, 3), **places)
            case _:
                return errands.expect(product, key, random.randint(1, 10), here)
