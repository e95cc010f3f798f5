"""Orders is not answered, and asks again."""

from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish
from onhand.orders.domain.orders import creation
from onhand.orders.store.asking import forget_answered, take_unanswered


async def ask_again(older_than_seconds: float, tx: Transaction) -> list[Publish]:
    """Publish OrderCreated again for orders that Inventory has not answered: Redis may have lost it, or the answer."""
    return [Publish(creation(order)) for order in await take_unanswered(tx, older_than_seconds)]


async def forget(older_than_seconds: float, tx: Transaction) -> list[Publish]:
    """Forget what was asked for and is answered; nobody needs to hear of that."""
    await forget_answered(tx, older_than_seconds)
    return []
