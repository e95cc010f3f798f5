"""Orders is not answered, and asks again."""

from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish
from onhand.orders.domain.orders import creation
from onhand.orders.store.asking import take_unanswered


async def ask_again(older_than_seconds: float, tx: Transaction) -> list[Publish]:
    """Publish OrderCreated again for orders that Inventory has not answered: Redis may have lost it, or the answer."""
    return [Publish(creation(order)) for order in await take_unanswered(tx, older_than_seconds)]
