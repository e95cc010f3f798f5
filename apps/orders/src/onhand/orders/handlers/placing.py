"""Orders are taken."""

from collections.abc import Sequence
from uuid import UUID

from onhand.common.contracts import CreateOrder
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Effect, Publish, Received
from onhand.orders.domain.orders import Order
from onhand.orders.domain.placing import place, receipt, receipt_of_stored
from onhand.orders.queries.orders import find_orders, find_orders_by_key
from onhand.orders.store.placing import insert_orders


async def create_orders(batch: Sequence[Received[CreateOrder]], tx: Transaction) -> list[Effect]:
    """Store each order once and ask for its stock; a command that comes again gets the stored order.

    So does another command with the same idempotency key, however many come at once: whoever is not the first waits
    for the first to be stored.
    """
    commands = _distinct(batch)
    events = [place(received.message) for received in commands]
    keys = [received.message.idempotency_key or None for received in commands]
    new = await insert_orders(tx, events, keys, [received.envelope for received in commands])
    published: list[Effect] = [
        Publish(event, cause=received)
        for event, received in zip(events, commands, strict=True)
        if event.order_id in new
    ]
    others = [received.message for received in batch if received.message.order_id not in new]
    stored = await _find_stored(tx, others) if others else {}
    return published + [
        Answer(
            to=received,
            reply=receipt(received.message)
            if received.message.order_id in new
            else receipt_of_stored(received.message, stored[received.message.order_id]),
        )
        for received in batch
    ]


def _distinct(batch: Sequence[Received[CreateOrder]]) -> list[Received[CreateOrder]]:
    """Of the commands for one order or with one key the first, in the order in which they have to be stored."""
    first: dict[str | UUID, Received[CreateOrder]] = {}
    for received in batch:
        first.setdefault(received.message.idempotency_key or received.message.order_id, received)
    return sorted(first.values(), key=_place_in_line)


def _place_in_line(received: Received[CreateOrder]) -> tuple[str, int]:
    return received.message.idempotency_key or "", received.message.order_id.int


async def _find_stored(tx: Transaction, commands: Sequence[CreateOrder]) -> dict[UUID, Order]:
    """For each command, by its order's id, the order that is there instead: with the same id, or else the same key."""
    stored = await find_orders(tx, {command.order_id for command in commands})
    keys = {
        command.order_id: command.idempotency_key
        for command in commands
        if command.idempotency_key and command.order_id not in stored
    }
    if keys:
        by_key = await find_orders_by_key(tx, set(keys.values()))
        stored |= {order_id: by_key[key] for order_id, key in keys.items()}
    return stored
