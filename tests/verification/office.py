"""A post office between the two services, without streams: whatever they tell each other is brought at once."""

from collections import deque
from typing import Any

from onhand.cli.verification.snapshots import Books
from onhand.common.contracts import Message
from onhand.common.messaging.envelope import Publish, Received
from onhand.common.testing import received
from onhand.inventory import subscriptions as of_inventory
from onhand.orders import subscriptions as of_orders

_SUBSCRIPTIONS = {
    subscription.message.TYPE: (service, subscription.handler)
    for service, subscriptions in (("orders", of_orders.SUBSCRIPTIONS), ("inventory", of_inventory.SUBSCRIPTIONS))
    for subscription in subscriptions
}


async def bring(books: Books, *messages: Message) -> None:
    """Bring messages one after the other, each with all that follows from it."""
    for message in messages:
        waiting = deque([received(message)])
        while waiting:
            waiting += await bring_one(books, waiting.popleft())


async def bring_one(books: Books, message: Received[Any]) -> list[Received[Any]]:
    """Bring one message to whoever handles it; returns what follows from it and is still to be brought."""
    if message.message.TYPE not in _SUBSCRIPTIONS:
        return []
    service, handler = _SUBSCRIPTIONS[message.message.TYPE]
    async with dict(books.by_service())[service].transaction() as tx:
        effects = await handler([message], tx)
    return [received(effect.event) for effect in effects if isinstance(effect, Publish)]
