"""Inventory answers, and tells later what has become of what an order waits for."""

from collections.abc import Sequence
from typing import Any

from onhand.common.contracts import AllocationNoted, BackorderPromised, StockRejected, StockReserved
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received
from onhand.orders.domain.settling import allot, can_note, promise, says_it_all, settle
from onhand.orders.store.orders import Change, lock_orders, lock_rows, save_changes
from onhand.orders.store.settling import settle_orders as settle_blindly


async def settle_orders(batch: Sequence[Received[StockReserved | StockRejected]], tx: Transaction) -> list[Publish]:
    """Settle pending orders as Inventory answered, and give backordered ones what was found for them.

    An answer for an order that is settled otherwise changes nothing.
    """
    published: list[Publish] = []
    at_once = [received for received in batch if says_it_all(received.message)]
    if 0 < len(at_once) < len(batch):
        await lock_rows(tx, {received.message.order_id for received in batch})  # in one order, not in two
    if at_once:
        published += await _settle(at_once, tx)
    if len(at_once) < len(batch):
        published += await _allot([received for received in batch if not says_it_all(received.message)], tx)
    return published


async def note_promises(batch: Sequence[Received[BackorderPromised]], tx: Transaction) -> list[Publish]:
    """Note when what orders wait for is expected.

    A promise for an order that is still pending is left for later: it says nothing of an order that waits for nothing
    yet, and is told again as long as nobody says that it is noted.
    """
    orders = await lock_orders(tx, {received.message.order_id for received in batch})
    changes: list[Change] = []
    noted: list[Publish] = []
    for received in batch:
        promised, order = received.message, orders.get(received.message.order_id)
        if order and (event := promise(order, promised)):
            changes.append(Change(order, event, received.envelope))
        if can_note(order):
            noted.append(_noted(received))
    await save_changes(tx, changes)
    return noted


async def _settle(batch: Sequence[Received[StockReserved | StockRejected]], tx: Transaction) -> list[Publish]:
    answers = {received.message.order_id: received for received in reversed(batch)}  # so that the first counts
    events = {order_id: settle(received.message) for order_id, received in answers.items()}
    # In the order in which others lock orders: rows are found one by one, as they are given.
    order_ids = sorted(events)
    settled = await settle_blindly(tx, [events[it] for it in order_ids], [answers[it].envelope for it in order_ids])
    return [Publish(events[order_id], cause=answers[order_id]) for order_id in settled]


async def _allot(batch: Sequence[Received[Any]], tx: Transaction) -> list[Publish]:
    orders = await lock_orders(tx, {received.message.order_id for received in batch})
    changes: list[Change] = []
    published: list[Publish] = []
    for received in batch:
        answer: StockReserved = received.message
        order = orders.get(answer.order_id)
        if order and (event := allot(order, answer)):
            changes.append(Change(order, event, received.envelope))
            published.append(Publish(event, cause=received))
        if answer.revision > 0:
            published.append(_noted(received))
    await save_changes(tx, changes)
    return published


def _noted(received: Received[StockReserved] | Received[BackorderPromised]) -> Publish:
    """Told each time, also if it is nothing new: the answer to the first time may be lost."""
    event = AllocationNoted(order_id=received.message.order_id, revision=received.message.revision)
    return Publish(event, cause=received)
