"""The table of contents of Orders: which message or timer leads to which handler."""

from functools import partial

from onhand.common.contracts import CreateOrder, GetOrder, OrderCreated, StockRejected, StockReserved
from onhand.common.message_service import Timer
from onhand.common.messaging.subscriptions import Subscription
from onhand.orders import handlers, queries

SUBSCRIPTIONS = (
    Subscription(CreateOrder, handlers.create_orders),
    Subscription(StockReserved, handlers.settle_orders),
    Subscription(StockRejected, handlers.settle_orders),
)

QUERIES = (Subscription(GetOrder, queries.get_orders),)


def timers(ask_again_seconds: float) -> tuple[Timer, ...]:
    """What is done without a message."""
    ask_again = partial(handlers.ask_again, ask_again_seconds)
    return (Timer("ask again", seconds=1.0, work=ask_again, topic=OrderCreated.TOPIC),)
