"""The table of contents of Orders: which message or timer leads to which handler."""

from functools import partial

from onhand.common.contracts import (
    BackorderPromised,
    CancelOrder,
    CreateOrder,
    FulfilOrder,
    GetOrder,
    GetTimeline,
    ListOrders,
    OrderCancelled,
    OrderCreated,
    OrderFulfilled,
    OrderReturned,
    ReadFeed,
    ReturnOrder,
    StockRejected,
    StockReleased,
    StockReserved,
    StockReturned,
    StockShipped,
)
from onhand.common.message_service import Timer
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.messaging.unanswered import tell_again
from onhand.orders.handlers import answers, asking, changing, placing, settling
from onhand.orders.handlers.locking import lock_all
from onhand.orders.queries import feed, lists, orders, timelines

SUBSCRIPTIONS = (
    Subscription(CreateOrder, placing.create_orders),
    Subscription(StockReserved, settling.settle_orders, lock_all),
    Subscription(StockRejected, settling.settle_orders, lock_all),
    Subscription(BackorderPromised, settling.note_promises, lock_all),
    Subscription(CancelOrder, changing.cancel_orders, lock_all),
    Subscription(FulfilOrder, changing.fulfil_orders, lock_all),
    Subscription(ReturnOrder, changing.take_back_orders, lock_all),
    Subscription(StockReleased, answers.note_releases),
    Subscription(StockShipped, answers.note_shipments),
    Subscription(StockReturned, answers.note_returns),
)

QUERIES = (
    Subscription(GetOrder, orders.get_orders),
    Subscription(GetTimeline, timelines.get_timelines),
    Subscription(ListOrders, lists.list_orders),
    Subscription(ReadFeed, feed.read_feed),
)

TOLD_UNTIL_ANSWERED = (OrderCancelled, OrderFulfilled, OrderReturned)


def timers(ask_again_seconds: float) -> tuple[Timer, ...]:
    """What is done without a message."""
    return (
        Timer("ask again", 1.0, partial(asking.ask_again, ask_again_seconds), OrderCreated.TOPIC),
        Timer("tell again", 1.0, partial(tell_again, TOLD_UNTIL_ANSWERED, ask_again_seconds), OrderCancelled.TOPIC),
        Timer("forget what is answered", 1.0, partial(asking.forget, ask_again_seconds)),
    )
