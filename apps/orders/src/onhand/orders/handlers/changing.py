"""People cancel orders, send them off and take them back."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

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
from onhand.common.messaging.unanswered import Unanswered, expect_answers
from onhand.orders.domain.changing import cancel, fulfil, take_back
from onhand.orders.domain.orders import Order, details
from onhand.orders.queries.orders import no_such_order
from onhand.orders.store.changing import Request, find_requests, save_requests
from onhand.orders.store.orders import Change, lock_orders, save_changes

ChangeEvent = OrderCancelled | OrderFulfilled | OrderReturned
CommandT = TypeVar("CommandT", CancelOrder, FulfilOrder, ReturnOrder)
RequestT = TypeVar("RequestT", FulfilOrder, ReturnOrder)


async def cancel_orders(batch: Sequence[Received[CancelOrder]], tx: Transaction) -> list[Effect]:
    """Give up each order of which nothing has left; one that is cancelled already stays as it is."""
    orders = await lock_orders(tx, {received.message.order_id for received in batch})
    return await _carry_out(batch, orders, cancel, tx)


async def fulfil_orders(batch: Sequence[Received[FulfilOrder]], tx: Transaction) -> list[Effect]:
    """Send off what is reserved for orders, once for each fulfilment."""
    return await _carry_out_once(batch, lambda command: command.fulfilment_id, fulfil, tx)


async def take_back_orders(batch: Sequence[Received[ReturnOrder]], tx: Transaction) -> list[Effect]:
    """Take back what was sent off, once for each return."""
    return await _carry_out_once(batch, lambda command: command.return_id, take_back, tx)


async def _carry_out_once(
    batch: Sequence[Received[RequestT]],
    id_of: Callable[[RequestT], UUID],
    decide: Callable[[Order, RequestT], ChangeEvent | RequestRefused],
    tx: Transaction,
) -> list[Effect]:
    orders = await lock_orders(tx, {received.message.order_id for received in batch})
    known = await find_requests(tx, {id_of(received.message) for received in batch})
    new: list[tuple[UUID, Request]] = []

    def decide_once(order: Order, command: RequestT) -> ChangeEvent | RequestRefused | None:
        change_id = id_of(command)
        if change_id in known:
            return None if known[change_id] == command else _reused()
        outcome = decide(order, command)
        if not isinstance(outcome, RequestRefused):
            known[change_id] = command
            new.append((change_id, command))
        return outcome

    effects = await _carry_out(batch, orders, decide_once, tx)
    await save_requests(tx, new)
    return effects


async def _carry_out(
    batch: Sequence[Received[CommandT]],
    orders: dict[UUID, Order],
    decide: Callable[[Order, CommandT], ChangeEvent | RequestRefused | None],
    tx: Transaction,
) -> list[Effect]:
    """Carry out commands one after the other on locked orders; None as a decision is: nothing to do."""
    changes: list[Change] = []
    events: list[Unanswered] = []
    refused: dict[int, RequestRefused] = {}
    for number, received in enumerate(batch):
        order = orders.get(received.message.order_id)
        outcome = decide(order, received.message) if order else no_such_order(received.message.order_id)
        if isinstance(outcome, RequestRefused):
            refused[number] = outcome
        elif order and outcome:
            changes.append(Change(order, outcome, received.envelope))
            events.append(Unanswered(_fact(outcome), Publish(outcome, cause=received)))
    await save_changes(tx, changes)
    return [
        *await expect_answers(tx, events),
        *(
            Answer(to=received, reply=refused.get(number) or details(orders[received.message.order_id]))
            for number, received in enumerate(batch)
        ),
    ]


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
        code="idempotency-key-reused", detail="This id or key was used for another fulfilment or return."
    )
