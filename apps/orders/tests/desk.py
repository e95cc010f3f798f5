"""Orders as its tests use it: messages come in as a batch, in a transaction of its own."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from onhand.common.contracts import (
    CreateOrder,
    Event,
    FeedEntry,
    FulfilOrder,
    GetOrder,
    GetTimeline,
    Line,
    LineAllocation,
    LineShortage,
    Message,
    OrderCreated,
    OrderDetails,
    OrderTimeline,
    Reply,
    RequestRefused,
    ReturnOrder,
    StockRejected,
    StockReserved,
)
from onhand.common.contracts.orders import RejectionReason
from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Answer, Effect, Publish, Received
from onhand.common.messaging.subscriptions import Subscription, Subscriptions
from onhand.common.testing import eventually, received
from onhand.orders.subscriptions import QUERIES, SUBSCRIPTIONS

_SUBSCRIPTIONS = Subscriptions([*SUBSCRIPTIONS, *QUERIES])
Lines = dict[str, int]
"""Units by product."""


class Told(NamedTuple):
    """What Orders tells after a batch."""

    events: list[Event]
    replies: list[Reply]


async def handle(batch: Sequence[Received[Any]], tx: Transaction) -> Sequence[Effect]:
    """Let each message's handler have it, as the runtime does."""
    found: dict[Subscription, list[Received[Any]]] = {}
    for each in batch:
        subscription = _SUBSCRIPTIONS.find(each.message.TYPE)
        assert subscription is not None
        found.setdefault(subscription, []).append(each)
    return await _SUBSCRIPTIONS.handle(found, tx)


async def deliver(database: Database, *batch: Message | Received[Any]) -> Told:
    """Let messages come in as one batch; returns what is told after its commit."""
    async with database.transaction() as tx:
        effects = await handle([each if isinstance(each, Received) else received(each) for each in batch], tx)
    return Told(
        [effect.event for effect in effects if isinstance(effect, Publish)],
        [effect.reply for effect in effects if isinstance(effect, Answer)],
    )


async def somebody_waits(database: Database) -> None:
    """Return when a transaction waits for another one's lock."""

    async def look() -> bool:
        waiting = await database.look(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(waiting)

    await eventually(look)


async def get(database: Database, order_id: UUID) -> OrderDetails:
    (reply,) = (await deliver(database, GetOrder(order_id))).replies
    assert isinstance(reply, OrderDetails)
    return reply


async def counters(database: Database, order_id: UUID) -> list[Lines]:
    """Of each line what is not 0, but for what was ordered."""
    names = ("reserved", "backordered", "fulfilled", "returned", "cancelled")
    lines = (await get(database, order_id)).lines
    return [{name: getattr(line, name) for name in names if getattr(line, name)} for line in lines]


async def log(database: Database, order_id: UUID) -> list[str]:
    """The types in an order's event log, without owner and version."""
    (timeline,) = (await deliver(database, GetTimeline(order_id))).replies
    assert isinstance(timeline, OrderTimeline)
    assert [entry.version for entry in timeline.events] == list(range(1, len(timeline.events) + 1))
    return [entry.type.split(".")[1] for entry in timeline.events]


def as_said(entries: Sequence[FeedEntry]) -> list[FeedEntry]:
    """Entries by what they say: PostgreSQL and we put it into JSON in different words."""
    return [replace(it, data=msgspec.json.decode(it.data)) for it in entries]  # type: ignore[call-overload]  # it is JSON


async def expected(database: Database) -> set[str]:
    """The facts whose answers are waited for."""
    async with database.transaction() as tx:
        return {row["fact"] for row in await tx.fetch("SELECT fact FROM unanswered_events")}


async def placed(database: Database, lines: Lines, **fields: Any) -> UUID:  # noqa: ANN401  # all there are
    """A new order, pending."""
    command = create(lines, **fields)
    await deliver(database, command)
    return command.order_id


async def confirmed(database: Database, lines: Lines) -> UUID:
    order_id = await placed(database, lines)
    await deliver(database, StockReserved(order_id))
    return order_id


async def backordered(database: Database, lines: Lines, granted: Lines) -> UUID:
    """An order of which some is reserved and the rest is waited for."""
    order_id = await placed(database, lines, policy="backorder")
    await deliver(database, granting(order_id, lines, granted))
    return order_id


def create(lines: Lines, **fields: Any) -> CreateOrder:  # noqa: ANN401  # all there are
    return CreateOrder(uuid4(), "ann", lines=in_lines(lines), **fields)


def created(command: CreateOrder) -> OrderCreated:
    return OrderCreated(
        command.order_id,
        command.customer_id,
        command.lines,
        command.policy,
        command.reservation_id,
        command.reference,
        command.metadata,
    )


def in_lines(lines: Lines) -> tuple[Line, ...]:
    return tuple(Line(product_id, quantity) for product_id, quantity in lines.items())


def granting(order_id: UUID, lines: Lines, granted: Lines, revision: int = 0, *, waits: bool = True) -> StockReserved:
    """Inventory's answer: what is not granted is waited for, or dropped."""
    allocations = tuple(
        LineAllocation(product_id, granted.get(product_id, 0), quantity - granted.get(product_id, 0) if waits else 0)
        for product_id, quantity in lines.items()
    )
    return StockReserved(order_id, lines=allocations, revision=revision)


def rejecting(order_id: UUID, lines: Lines, reason: RejectionReason = "insufficient-stock") -> StockRejected:
    """Inventory's answer: there is one of each."""
    return StockRejected(
        order_id, reason, tuple(LineShortage(product, quantity, 1) for product, quantity in lines.items())
    )


def fulfil(order_id: UUID, lines: Lines | None = None, fulfilment_id: UUID | None = None) -> FulfilOrder:
    return FulfilOrder(order_id, fulfilment_id or uuid4(), UNSET if lines is None else in_lines(lines))


def take_back(order_id: UUID, lines: Lines | None = None, return_id: UUID | None = None) -> ReturnOrder:
    return ReturnOrder(order_id, return_id or uuid4(), UNSET if lines is None else in_lines(lines))


def refusal(told: Told) -> tuple[str, str | None, str | None]:
    """Code, state and pointer of the only reply."""
    (reply,) = told.replies
    assert isinstance(reply, RequestRefused)
    assert reply.detail.endswith(".")
    return reply.code, reply.state or None, reply.pointer or None
