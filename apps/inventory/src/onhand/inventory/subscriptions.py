"""The table of contents of Inventory: which message leads to which handler."""

from onhand.common.contracts import CheckStock, OrderCreated, SetStock
from onhand.common.messaging.subscriptions import Subscription
from onhand.inventory import handlers, queries

SUBSCRIPTIONS = (
    Subscription(SetStock, handlers.set_stock),
    Subscription(OrderCreated, handlers.reserve_stock),
)

QUERIES = (Subscription(CheckStock, queries.check_stock),)
