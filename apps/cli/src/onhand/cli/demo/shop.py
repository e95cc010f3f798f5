"""The demo's shop: shelves are filled, shoppers come, what runs out is delivered."""

import asyncio
import time
from collections.abc import Sequence

from onhand.cli.demo.catalogue import Product
from onhand.cli.demo.figures import Figures, Shelf
from onhand.cli.demo.requests import Requests
from onhand.cli.demo.shoppers import Visit

_HOLD_SECONDS = 3
_LOOK_AFTER_SECONDS = 0.5
_FIRST_LOOK_SECONDS = 0.02
_LAST_LOOK_SECONDS = 1.0
_GIVES_UP_SECONDS = 10.0
_EMPTY_SECONDS = 4.0
"""How long a shelf stays empty before a delivery comes: long enough to see orders wait."""
_THINKS_SECONDS = 1.0
_MOST_LOOKED_AT = 20
"""Orders that wait and are looked at in one round: a long queue must not become a load."""
_MOST_WAITING = 500


class Shop:
    """What is done on the gateway, and noted in the figures."""

    def __init__(self, requests: Requests, figures: Figures, products: Sequence[Product]) -> None:
        self._requests = requests
        self._figures = figures
        self._products = products
        self._begun = time.monotonic()
        self._undecided: dict[str, Visit] = {}
        self._waiting: dict[str, Visit] = {}
        self._empty_since: dict[str, float] = {}
        self._deliveries = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the shop was made, or was opened."""
        return time.monotonic() - self._begun

    async def open(self) -> None:
        """Load the catalogue and fill the shelves."""
        for product in self._products:
            about = {"name": product.name, "lowStockThreshold": product.full // 4}
            await self._requests.put("products", product.product_id, body=about)
            await self._requests.put("stock", product.product_id, body={"onHand": product.full})
            self._figures.shelves[product.product_id] = Shelf(product.name, product.full, product.full)
        self._begun = time.monotonic()

    async def serve(self, visit: Visit) -> None:
        """Let one shopper buy, from the first look to the parcel that comes back."""
        body: dict[str, object] = {"customerId": visit.customer_id, "lines": visit.lines, "policy": visit.policy}
        if visit.holds:
            hold = await self._hold(visit)
            if visit.walks_away and hold:
                await self._expires(visit, hold)
                return
            if hold:
                body["reservationId"] = hold
        begun = time.monotonic()
        order = await self._requests.post("orders", key=self._key("order", visit), body=body)
        if not order:
            return
        self._figures.placed(self.elapsed, (time.monotonic() - begun) * 1000)
        self._undecided[str(order["orderId"])] = visit
        await self._decided(visit, str(order["orderId"]))

    async def look_after_shelves(self) -> None:
        """See how shelves and orders that wait stand, and have delivered what has run out; until it is cancelled."""
        while True:
            for product in self._products:
                stock = await self._requests.get("stock", product.product_id)
                if stock:
                    self._note(product, int(stock["availableToPromise"]))
            await self._deliver()
            await self._look_at_waiting()
            await asyncio.sleep(_LOOK_AFTER_SECONDS)

    async def close(self) -> None:
        """Give up the orders that still wait, so that nobody waits in a shop that is closed."""
        self._figures.counts["unsettled"] += len(self._undecided)
        for order_id, visit in (self._undecided | self._waiting).items():
            await self._cancel(visit, order_id, "the shop has closed")
        self._undecided.clear()
        self._waiting.clear()

    async def _hold(self, visit: Visit) -> str:
        body = {"lines": visit.lines, "ttlSeconds": _HOLD_SECONDS}
        hold = await self._requests.post("reservations", key=self._key("hold", visit), body=body)
        if not hold:
            return ""
        self._figures.counts["held"] += 1
        return str(hold["reservationId"])

    async def _expires(self, visit: Visit, hold: str) -> None:
        self._figures.say("dim", f"{visit.name} puts {visit.wish} aside, and walks away")
        deadline = time.monotonic() + _HOLD_SECONDS + _GIVES_UP_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(_LAST_LOOK_SECONDS)
            if (await self._requests.get("reservations", hold)).get("state") == "expired":
                self._figures.counts["expired"] += 1
                self._figures.say("yellow", f"the hold of {visit.name} has expired: {visit.wish} is back")
                return

    async def _decided(self, visit: Visit, order_id: str) -> None:
        begun = time.monotonic()
        pause = _FIRST_LOOK_SECONDS
        status = "pending"
        while status == "pending" and time.monotonic() - begun < _GIVES_UP_SECONDS:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LAST_LOOK_SECONDS)
            status = str((await self._requests.get("orders", order_id)).get("status", "pending"))
        if status == "pending":
            return
        del self._undecided[order_id]
        self._figures.settled(status, (time.monotonic() - begun) * 1000)
        await self._goes_on(visit, order_id, status)

    async def _goes_on(self, visit: Visit, order_id: str, status: str) -> None:
        if status == "rejected":
            self._figures.say("red", f"{visit.name} wanted {visit.wish}: not enough is left")
        elif status == "backordered":
            self._figures.say("yellow", f"{visit.name} waits for {visit.wish}")
            if len(self._waiting) < _MOST_WAITING:
                self._waiting[order_id] = visit
                self._count_waiting()
            else:
                await self._cancel(visit, order_id, "too many wait")
        elif visit.changes_mind:
            await self._cancel(visit, order_id, "changed my mind")
        else:
            self._figures.say("green", f"{visit.name} buys {visit.wish}")
            await self._send_off(visit, order_id)

    async def _send_off(self, visit: Visit, order_id: str) -> None:
        await asyncio.sleep(_THINKS_SECONDS)
        if not await self._requests.post("orders", order_id, "fulfilments", key=self._key("parcel", visit), body={}):
            return
        self._figures.counts["fulfilled"] += 1
        if visit.sends_back:
            await asyncio.sleep(_THINKS_SECONDS)
            reason = {"reason": "it was a present"}
            if await self._requests.post("orders", order_id, "returns", key=self._key("return", visit), body=reason):
                self._figures.counts["returned"] += 1
                self._figures.say("magenta", f"{visit.name} sends {visit.wish} back")

    async def _cancel(self, visit: Visit, order_id: str, reason: str) -> None:
        key = self._key("cancel", visit)
        if await self._requests.post("orders", order_id, "cancel", key=key, body={"reason": reason}):
            self._figures.counts["cancelled"] += 1
            self._figures.say("dim", f"{visit.name} gives up {visit.wish}: {reason}")

    def _note(self, product: Product, available: int) -> None:
        if self._figures.stands(product.product_id, available):
            self._figures.say("bold red", f"{product.name} has run out")
        if available > 0:
            self._empty_since.pop(product.product_id, None)
        else:
            self._empty_since.setdefault(product.product_id, time.monotonic())

    async def _deliver(self) -> None:
        """Fill one shelf: the one that has been empty for the longest, if it has been for long enough."""
        for product_id, since in sorted(self._empty_since.items(), key=lambda it: it[1])[:1]:
            if time.monotonic() - since < _EMPTY_SECONDS:
                return
            shelf = self._figures.shelves[product_id]
            self._deliveries += 1
            key = f"{self._figures.tag}-delivery-{self._deliveries}"
            body: dict[str, object] = {"type": "receive", "quantity": shelf.full, "reference": key}
            if await self._requests.post("stock", product_id, "movements", key=key, body=body):
                self._figures.counts["deliveries"] += 1
                self._figures.say("bold cyan", f"{shelf.full} x {shelf.name} delivered")
                del self._empty_since[product_id]

    async def _look_at_waiting(self) -> None:
        for order_id, visit in list(self._waiting.items())[:_MOST_LOOKED_AT]:
            status = (await self._requests.get("orders", order_id)).get("status")
            del self._waiting[order_id]
            if status == "confirmed":
                self._figures.counts["filled"] += 1
                self._figures.say("bold green", f"{visit.name} has waited long enough: {visit.wish} is there")
                await self._send(visit, order_id)
            else:
                self._waiting[order_id] = visit  # behind all others
        self._count_waiting()

    async def _send(self, visit: Visit, order_id: str) -> None:
        if await self._requests.post("orders", order_id, "fulfilments", key=self._key("parcel", visit), body={}):
            self._figures.counts["fulfilled"] += 1

    def _count_waiting(self) -> None:
        for product_id, shelf in self._figures.shelves.items():
            wants = (visit.quantities for visit in self._waiting.values())
            shelf.waiting = sum(any(it.product_id == product_id for it in quantities) for quantities in wants)

    def _key(self, what: str, visit: Visit) -> str:
        return f"{self._figures.tag}-{what}-{visit.number}"
