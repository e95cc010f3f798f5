"""A plain model of what Inventory promises: one message after the other, no locations, no tables, no locks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from onhand.common.contracts import HoldStock, OrderCancelled, OrderCreated, OrderFulfilled, OrderReturned


@dataclass
class Claim:
    """What one line of an order or a hold has, and what it waits for."""

    granted: int = 0
    waiting: int = 0
    shipped: int = 0
    returned: int = 0


@dataclass
class Shelf:
    """What is on hand, who has it, and who waits for more.

    Attributes:
        on_hand: of each product that is known.
        at_once: products that nobody may wait for.
        claims: of each order that was decided and each hold, by product; none if it gets nothing or gave it back.
        queue: who waits, in the order of service.
        holds: the state of each.
    """

    on_hand: dict[str, int]
    at_once: set[str]
    claims: dict[UUID, dict[str, Claim]] = field(default_factory=dict)
    reasons: dict[UUID, str] = field(default_factory=dict)
    queue: list[tuple[str, Claim]] = field(default_factory=list)
    holds: dict[UUID, str] = field(default_factory=dict)

    def reserved(self, product_id: str) -> int:
        lines = [claims[product_id] for claims in self.claims.values() if product_id in claims]
        return sum(line.granted - line.shipped for line in lines)

    def free(self, product_id: str) -> int:
        return self.on_hand.get(product_id, 0) - self.reserved(product_id)

    def fill(self) -> None:
        for product_id, claim in self.queue:
            units = min(claim.waiting, self.free(product_id))
            claim.granted += units
            claim.waiting -= units

    def order(self, batch: Sequence[OrderCreated]) -> None:
        """Orders that name a hold come last; what they leave of their holds is free after all of them."""
        new = {order.order_id: order for order in batch if order.order_id not in self.claims}
        for order in sorted(new.values(), key=lambda order: bool(order.reservation_id)):
            self._decide(order)
        for hold_id, state in self.holds.items():
            if state == "used":
                self.claims[hold_id] = {}
        self.fill()

    def _decide(self, order: OrderCreated) -> None:
        wanted = {line.product_id: line.quantity for line in order.lines}
        hold_id = order.reservation_id if isinstance(order.reservation_id, UUID) else None
        own = self.claims[hold_id] if hold_id and self.holds.get(hold_id) == "active" else {}
        has = {name: min(units, own.get(name, Claim()).granted + self.free(name)) for name, units in wanted.items()}
        reason = self._reason(order, wanted, has, is_hold_unknown=bool(hold_id) and hold_id not in self.holds)
        if reason:
            self.reasons[order.order_id] = reason
            self.claims[order.order_id] = {}
            return
        waits = order.policy == "backorder"
        claims = {name: Claim(has[name], (wanted[name] - has[name]) * waits) for name in wanted}
        for name, claim in own.items():
            claim.granted -= min(claim.granted, has.get(name, 0))
        if own and hold_id:
            self.holds[hold_id] = "used"
        self.claims[order.order_id] = claims
        self.queue += [(name, claim) for name, claim in claims.items() if claim.waiting]

    def _reason(
        self, order: OrderCreated, wanted: dict[str, int], has: dict[str, int], *, is_hold_unknown: bool
    ) -> str | None:
        short = {name for name, units in wanted.items() if has[name] < units}
        is_unknown = not wanted.keys() <= self.on_hand.keys()
        if is_hold_unknown:
            return "unknown-product" if is_unknown else "unknown-reservation"
        if not short or (order.policy == "ship-available" and any(has.values())):
            return None
        if is_unknown:
            return "unknown-product"
        if order.policy == "backorder":
            return "not-backorderable" if short & self.at_once else None
        return "insufficient-stock"

    def cancel(self, order: OrderCancelled) -> None:
        if order.order_id not in self.claims:
            self.reasons[order.order_id] = "cancelled"
        self._drop(order.order_id)

    def hold(self, command: HoldStock) -> None:
        wanted = {line.product_id: line.quantity for line in command.lines}
        if all(units <= self.free(name) for name, units in wanted.items()):
            self.holds[command.reservation_id] = "active"
            self.claims[command.reservation_id] = {name: Claim(units) for name, units in wanted.items()}

    def end(self, hold_id: UUID, state: str) -> None:
        if self.holds.get(hold_id) == "active":
            self.holds[hold_id] = state
            self._drop(hold_id)

    def _drop(self, holder_id: UUID) -> None:
        for claim in self.claims.get(holder_id, {}).values():
            claim.waiting = 0
        self.claims[holder_id] = {}
        self.fill()

    def send(self, event: OrderFulfilled) -> None:
        for line in event.lines:
            self.claims[event.order_id][line.product_id].shipped += line.quantity
            self.on_hand[line.product_id] -= line.quantity

    def take_back(self, event: OrderReturned) -> None:
        for line in event.lines:
            self.claims[event.order_id][line.product_id].returned += line.quantity
            self.on_hand[line.product_id] += line.quantity * event.restock
        self.fill()

    def receive(self, product_id: str, units: int) -> None:
        self.on_hand[product_id] += units
        self.fill()
