"""People cancel orders, send them off and take them back."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import NamedTuple, TypeVar
from uuid import UUID

from msgspec import UNSET, UnsetType

from onhand.common.contracts import (
    CancelOrder,
    FulfilOrder,
    OrderCancelled,
    OrderFulfilled,
    OrderReturned,
    RequestRefused,
    ReturnOrder,
)
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Effect, Publish, Received
from onhand.common.messaging.inbox import first_seen
from onhand.common.messaging.unanswered import Unanswered, expect_answers
from onhand.orders.domain.changing import cancel, fulfil, take_back
from onhand.orders.domain.orders import Order, details
from onhand.orders.queries.orders import no_such_order
from onhand.orders.store.changing import Request, find_requests, save_requests
from onhand.orders.store.orders import Change, lock_orders, save_changes

ChangeEvent = OrderCancelled | OrderFulfilled | OrderReturned
CommandT = TypeVar("CommandT", CancelOrder, FulfilOrder, ReturnOrder)
Decide = Callable[[Order, CommandT], ChangeEvent | RequestRefused | None]


class _Book(NamedTuple):
    """What the commands of a batch are carried out on, in memory.

    Attributes:
        orders: locked.
        known: what was carried out before, as far as it has an id.
        new: those of them that this batch has brought.
        fresh: ids of the envelopes that had not been received before.
    """

    orders: dict[UUID, Order]
    known: dict[UUID, Request]
    new: dict[UUID, Request]
    fresh: set[str]


async def cancel_orders(batch: Sequence[Received[CancelOrder]], tx: Transaction) -> list[Effect]:
    """Give up each order of which nothing has left; one that is cancelled already stays as it is."""
    return await _carry_out(batch, cancel, tx)


async def fulfil_orders(batch: Sequence[Received[FulfilOrder]], tx: Transaction) -> list[Effect]:
    """Send off what is reserved for orders, once for each fulfilment."""
    return await _carry_out(batch, fulfil, tx)


async def take_back_orders(batch: Sequence[Received[ReturnOrder]], tx: Transaction) -> list[Effect]:
    """Take back what was sent off, once for each return."""
    return await _carry_out(batch, take_back, tx)


async def _carry_out(batch: Sequence[Received[CommandT]], decide: Decide[CommandT], tx: Transaction) -> list[Effect]:
    """Carry out commands one after the other on locked orders.

    One that was refused may be sent again by its client when the reason is gone. That its message comes again is no
    such try, and is told by the inbox.
    """
    book = await _open(batch, tx)
    outcomes = [_decide(received, decide, book) for received in batch]
    changes: list[Change] = []
    events: list[Unanswered] = []
    for received, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, ChangeEvent):
            changes.append(Change(book.orders[outcome.order_id], outcome, received.envelope))
            events.append(Unanswered(_fact(outcome), Publish(outcome, cause=received)))
    await save_changes(tx, changes)
    await save_requests(tx, book.new)
    effects: list[Effect] = [*await expect_answers(tx, events)]
    for received, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, RequestRefused):
            effects.append(Answer(to=received, reply=outcome))
        elif outcome is not UNSET:
            effects.append(Answer(to=received, reply=details(book.orders[received.message.order_id])))
    return effects


async def _open(batch: Sequence[Received[CommandT]], tx: Transaction) -> _Book:
    orders = await lock_orders(tx, {received.message.order_id for received in batch})
    change_ids = {change_id for received in batch if (change_id := _change_id_of(received.message))}
    known = await find_requests(tx, change_ids) if change_ids else {}
    return _Book(orders, known, {}, await first_seen(tx, batch))


def _decide(
    received: Received[CommandT], decide: Decide[CommandT], book: _Book
) -> ChangeEvent | RequestRefused | UnsetType | None:
    """Carry out one command; None if there is nothing to do, UNSET if there is nothing to answer either.

    That is so for the copy of one that was refused, if it would not be now.
    """
    command = received.message
    is_new = received.envelope.id in book.fresh
    book.fresh.discard(received.envelope.id)
    order = book.orders.get(command.order_id)
    if order is None:
        return no_such_order(command.order_id)
    change_id = _change_id_of(command)
    known = change_id and (book.known.get(change_id) or book.new.get(change_id))
    if known:
        return None if known == command else _reused()
    outcome = decide(order if is_new else deepcopy(order), command)
    if isinstance(outcome, ChangeEvent) and not is_new:
        return UNSET
    if change_id and not isinstance(outcome, RequestRefused):
        book.new[change_id] = command
    return outcome


def _change_id_of(command: CancelOrder | FulfilOrder | ReturnOrder) -> UUID | None:
    """Of what is asked for. A cancellation has one only under a key: an order is cancelled once, whoever asks."""
    match command:
        case FulfilOrder(fulfilment_id=change_id) | ReturnOrder(return_id=change_id):
            return change_id
        case CancelOrder(cancellation_id=change_id):
            return change_id or None


def _fact(event: ChangeEvent) -> str:
    """What Inventory's answer will name."""
    match event:
        case OrderCancelled(order_id=order_id):
            return cancellation(order_id)
        case OrderFulfilled(fulfilment_id=change_id) | OrderReturned(return_id=change_id):
            return str(change_id)


def cancellation(order_id: UUID) -> str:
    """The fact that an order is cancelled."""
    return f"cancel/{order_id}"


def _reused() -> RequestRefused:
    return RequestRefused(
        code="idempotency-key-reused",
        detail="This idempotency key was used for something else that was done to the order.",
    )
