"""A warehouse to tell messages to, in the words of the tests."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, TypeVar
from uuid import uuid4

from msgspec import UNSET, UnsetType

from onhand.common.contracts import (
    AdjustStock,
    CheckStock,
    CountStock,
    Event,
    ExpectStock,
    ExplainStock,
    HoldStock,
    Line,
    Message,
    OrderCancelled,
    OrderCreated,
    OrderFulfilled,
    OrderReturned,
    ReceiveStock,
    Reply,
    SetStock,
    StockExplanation,
    StockLevel,
    TransferStock,
)
from onhand.common.contracts.inventory import DEFAULT_LOCATION
from onhand.common.contracts.orders import Policy
from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Answer, Effect, Publish, Received
from onhand.common.testing import eventually, received
from onhand.inventory.subscriptions import QUERIES, SUBSCRIPTIONS

HANDLERS = {subscription.message: subscription.handler for subscription in (*SUBSCRIPTIONS, *QUERIES)}
TOMORROW = datetime(2030, 1, 1, tzinfo=UTC)
Told = Message | Received[Any]
EventT = TypeVar("EventT", bound=Event)


def day(number: int) -> datetime:
    """A day of the future."""
    return TOMORROW + timedelta(days=number)


def counted(on_hand: int, product_id: str = "apple", at: str = DEFAULT_LOCATION) -> CountStock:
    return CountStock(movement_id=uuid4(), product_id=product_id, on_hand=on_hand, location_id=at)


def set_to(on_hand: int, product_id: str = "apple") -> SetStock:
    return SetStock(movement_id=uuid4(), product_id=product_id, on_hand=on_hand)


def came(quantity: int, product_id: str = "apple", at: str = DEFAULT_LOCATION) -> ReceiveStock:
    return ReceiveStock(movement_id=uuid4(), product_id=product_id, quantity=quantity, location_id=at)


def adjusted(quantity: int, product_id: str = "apple", at: str = DEFAULT_LOCATION) -> AdjustStock:
    return AdjustStock(movement_id=uuid4(), product_id=product_id, quantity=quantity, location_id=at)


def carried(quantity: int, start: str, end: str, product_id: str = "apple") -> TransferStock:
    return TransferStock(
        movement_id=uuid4(), product_id=product_id, quantity=quantity, from_location_id=start, to_location_id=end
    )


def expected(
    quantity: int, on: datetime = TOMORROW, product_id: str = "apple", at: str = DEFAULT_LOCATION
) -> ExpectStock:
    return ExpectStock(incoming_id=uuid4(), product_id=product_id, quantity=quantity, expected_at=on, location_id=at)


def order(quantity: int = 1, product_id: str = "apple", policy: Policy = "all-or-nothing") -> OrderCreated:
    return order_for({product_id: quantity}, policy)


def order_of(policy: Policy = "all-or-nothing", hold: HoldStock | None = None, **units: int) -> OrderCreated:
    return order_for(units, policy, hold)


def order_for(
    units: Mapping[str, int], policy: Policy = "all-or-nothing", hold: HoldStock | None = None
) -> OrderCreated:
    return OrderCreated(
        order_id=uuid4(),
        customer_id="ann",
        lines=lines_of(units),
        policy=policy,
        reservation_id=UNSET if hold is None else hold.reservation_id,
    )


def lines_of(units: Mapping[str, int]) -> tuple[Line, ...]:
    return tuple(Line(product_id, quantity) for product_id, quantity in units.items())


def cancelled(given: OrderCreated) -> OrderCancelled:
    return OrderCancelled(order_id=given.order_id, lines=given.lines)


def sent(given: OrderCreated, **units: int) -> OrderFulfilled:
    """So many units are sent off, or all that were ordered."""
    return OrderFulfilled(
        order_id=given.order_id, fulfilment_id=uuid4(), lines=lines_of(units) if units else given.lines
    )


def came_back(given: OrderCreated, *, restock: bool = True, **units: int) -> OrderReturned:
    """So many units are back, or all that were ordered."""
    return OrderReturned(
        order_id=given.order_id,
        return_id=uuid4(),
        lines=lines_of(units) if units else given.lines,
        restock=restock,
    )


def held(ttl_seconds: int = 3600, **units: int) -> HoldStock:
    return HoldStock(reservation_id=uuid4(), lines=lines_of(units), ttl_seconds=ttl_seconds)


class Warehouse:
    """Inventory on a database of the test's own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def tell(self, *messages: Told) -> list[Effect]:
        """Hand over messages in one transaction: those that follow each other and are of one type in one batch.

        Args:
            *messages: as they are, each in a new envelope, or as received before.
        """
        async with self.database.transaction() as tx:
            return await tell(tx, *messages)

    async def reply(self, message: Told) -> Reply:
        """Hand over one message; returns the reply to it."""
        (reply,) = replies(await self.tell(message))
        return reply

    async def hear(self, kind: type[EventT], *messages: Told) -> list[EventT]:
        """Hand over messages in one transaction; returns the events of one kind that follow."""
        return events(await self.tell(*messages), kind)

    async def stock(self, product_id: str = "apple", quantity: int | UnsetType = UNSET) -> StockLevel:
        level = await self.reply(CheckStock(product_id=product_id, quantity=quantity))
        assert isinstance(level, StockLevel)
        return level

    async def explain(
        self, product_id: str = "apple", at: datetime | UnsetType = UNSET, limit: int = 100
    ) -> StockExplanation:
        explanation = await self.reply(ExplainStock(product_id=product_id, at=at, limit=limit))
        assert isinstance(explanation, StockExplanation)
        return explanation

    async def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        async with self.database.transaction() as tx:
            return [tuple(row) for row in await tx.fetch(query, *arguments)]

    async def now(self) -> datetime:
        """The moment, on the database's clock."""
        ((moment,),) = await self.rows("SELECT clock_timestamp()")
        assert isinstance(moment, datetime)
        return moment

    async def levels(self) -> dict[tuple[str, str], tuple[int, int]]:
        """What is on hand and reserved of each product at each location."""
        rows = await self.rows("SELECT product_id, location_id, on_hand, reserved FROM stock_levels")
        return {(product_id, location_id): (on_hand, reserved) for product_id, location_id, on_hand, reserved in rows}

    async def check(self) -> None:
        """Hold levels against the ledger and against what is reserved."""
        assert await self.rows(DIFFERENCES) == []


async def tell(tx: Transaction, *messages: Told) -> list[Effect]:
    """Hand over messages in a transaction."""
    batch: list[Received[Any]] = [each if isinstance(each, Received) else received(each) for each in messages]
    effects: list[Effect] = []
    for kind, of_kind in groupby(batch, key=lambda each: type(each.message)):
        effects += await HANDLERS[kind](list(of_kind), tx)
    return effects


async def waits_for_a_lock(warehouse: Warehouse) -> None:
    """Wait until a transaction of this test waits for another."""

    async def somebody_waits() -> bool:
        return bool(await warehouse.rows("SELECT FROM pg_locks WHERE NOT granted"))

    await eventually(somebody_waits)


def replies(effects: Sequence[Effect]) -> list[Reply]:
    return [effect.reply for effect in effects if isinstance(effect, Answer)]


def events(effects: Sequence[Effect], kind: type[EventT]) -> list[EventT]:
    return [effect.event for effect in effects if isinstance(effect, Publish) and isinstance(effect.event, kind)]


DIFFERENCES = """
SELECT product_id, location_id, on_hand, moved.units, reserved, held.units FROM stock_levels
LEFT JOIN (SELECT product_id, location_id, sum(quantity) AS units FROM movements GROUP BY 1, 2) AS moved
    USING (product_id, location_id)
LEFT JOIN (
    SELECT product_id, location_id, sum(granted - shipped) AS units FROM reservations
    WHERE released_at IS NULL AND granted > 0 GROUP BY 1, 2
) AS held USING (product_id, location_id)
WHERE on_hand <> coalesce(moved.units, 0) OR reserved <> coalesce(held.units, 0)
"""
