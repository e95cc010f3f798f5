"""The table of contents of Inventory: which message leads to which handler."""

from functools import partial

from onhand.common.contracts import (
    AdjustStock,
    AllocationNoted,
    BackorderPromised,
    CheckStock,
    CountStock,
    DefineLocation,
    DefineProduct,
    ExpectStock,
    ExplainStock,
    ExtendHold,
    GetHold,
    GetIncoming,
    GetProduct,
    HoldStock,
    ListIncoming,
    ListLocations,
    ListProducts,
    ListStock,
    OrderCancelled,
    OrderCreated,
    OrderFulfilled,
    OrderReturned,
    ReceiveStock,
    ReleaseHold,
    SetStock,
    StockReserved,
    TransferStock,
)
from onhand.common.message_service import Timer
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.messaging.unanswered import tell_again
from onhand.inventory.handlers.catalogue import define_location, define_product
from onhand.inventory.handlers.fulfilments import ship_stock, take_back_stock
from onhand.inventory.handlers.holds import expire_holds, extend_holds, hold_stock, release_holds
from onhand.inventory.handlers.incoming import expect_stock
from onhand.inventory.handlers.locking import lock_levels
from onhand.inventory.handlers.movements import move_stock
from onhand.inventory.handlers.orders import note_allocations, release_stock, reserve_stock
from onhand.inventory.queries.catalogue import get_product, list_locations, list_products
from onhand.inventory.queries.explain import explain_stock
from onhand.inventory.queries.holds import get_hold
from onhand.inventory.queries.incoming import get_incoming, list_incoming
from onhand.inventory.queries.lists import list_stock
from onhand.inventory.queries.stock import check_stock

SUBSCRIPTIONS = (
    Subscription(DefineLocation, define_location),
    Subscription(DefineProduct, define_product, lock_levels),
    Subscription(ExpectStock, expect_stock, lock_levels),
    Subscription(SetStock, move_stock, lock_levels),
    Subscription(ReceiveStock, move_stock, lock_levels),
    Subscription(AdjustStock, move_stock, lock_levels),
    Subscription(CountStock, move_stock, lock_levels),
    Subscription(TransferStock, move_stock, lock_levels),
    Subscription(HoldStock, hold_stock, lock_levels),
    Subscription(ExtendHold, extend_holds, lock_levels),
    Subscription(ReleaseHold, release_holds, lock_levels),
    Subscription(OrderCreated, reserve_stock, lock_levels),
    Subscription(OrderCancelled, release_stock, lock_levels),
    Subscription(OrderFulfilled, ship_stock, lock_levels),
    Subscription(OrderReturned, take_back_stock, lock_levels),
    Subscription(AllocationNoted, note_allocations),
)

QUERIES = (
    Subscription(CheckStock, check_stock),
    Subscription(ExplainStock, explain_stock),
    Subscription(GetHold, get_hold),
    Subscription(GetIncoming, get_incoming),
    Subscription(GetProduct, get_product),
    Subscription(ListIncoming, list_incoming),
    Subscription(ListLocations, list_locations),
    Subscription(ListProducts, list_products),
    Subscription(ListStock, list_stock),
)


def timers(ask_again_seconds: float) -> tuple[Timer, ...]:
    """What is done besides, every second.

    Args:
        ask_again_seconds: how long what is told to Orders may be without an answer before it is told again.
    """
    news = partial(tell_again, (StockReserved, BackorderPromised), ask_again_seconds)
    return (
        Timer("expire holds", seconds=1.0, work=expire_holds),
        Timer("tell again", seconds=1.0, work=news, topic=StockReserved.TOPIC),
    )
