"""What each message and timer does to orders. Any message may come again, late, or in another order."""

from collections.abc import Sequence

from onhand.common.contracts import CreateOrder, StockRejected, StockReserved
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Effect, Publish, Received
from onhand.orders import domain, store
from onhand.orders.queries import find_orders

_ASK_AGAIN_LIMIT = 500


async def create_orders(batch: Sequence[Received[CreateOrder]], tx: Transaction) -> list[Effect]:
    """Store each order once and ask for its stock; a command that comes again gets the stored order."""
    commands = {received.message.order_id: received for received in batch}
    events = {order_id: domain.place(received.message) for order_id, received in commands.items()}
    causes = [received.envelope.id for received in commands.values()]
    new = await store.insert_orders(tx, list(events.values()), causes)
    stored = (
        await find_orders(tx, [order_id for order_id in commands if order_id not in new])
        if len(new) < len(commands)
        else {}
    )
    published: list[Effect] = [Publish(events[order_id], cause=commands[order_id]) for order_id in new]
    return published + [
        Answer(
            to=received,
            reply=domain.receipt(stored.get(received.message.order_id) or events[received.message.order_id]),
        )
        for received in batch
    ]


async def settle_orders(batch: Sequence[Received[StockReserved | StockRejected]], tx: Transaction) -> list[Publish]:
    """End pending orders as Inventory answered; an answer for an order that has ended changes nothing."""
    answers = {received.message.order_id: received for received in reversed(batch)}  # so that the first counts
    events = {order_id: domain.settle(received.message) for order_id, received in answers.items()}
    causes = [received.envelope.id for received in answers.values()]
    settled = await store.settle_orders(tx, list(events.values()), causes)
    return [Publish(events[order_id], cause=answers[order_id]) for order_id in settled]


async def ask_again(older_than_seconds: float, tx: Transaction) -> list[Publish]:
    """Publish OrderCreated again for orders that Inventory has not answered: Redis may have lost it, or the answer."""
    return [Publish(event) for event in await store.take_unanswered(tx, older_than_seconds, _ASK_AGAIN_LIMIT)]
