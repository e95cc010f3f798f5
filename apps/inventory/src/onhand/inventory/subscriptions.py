"""The table of contents of Inventory: which message leads to which handler."""

from onhand.common.contracts import (
    AdjustStock,
    CheckStock,
    CountStock,
    DefineLocation,
    DefineProduct,
    ExpectStock,
    ExplainStock,
    GetProduct,
    ListLocations,
    ReceiveStock,
    SetStock,
    TransferStock,
)
from onhand.common.messaging.subscriptions import Subscription
from onhand.inventory.handlers.catalogue import define_location, define_product
from onhand.inventory.handlers.incoming import expect_stock
from onhand.inventory.handlers.movements import move_stock
from onhand.inventory.queries.catalogue import get_product, list_locations
from onhand.inventory.queries.explain import explain_stock
from onhand.inventory.queries.stock import check_stock

SUBSCRIPTIONS = (
    Subscription(DefineLocation, define_location),
    Subscription(DefineProduct, define_product),
    Subscription(ExpectStock, expect_stock),
    Subscription(SetStock, move_stock),
    Subscription(ReceiveStock, move_stock),
    Subscription(AdjustStock, move_stock),
    Subscription(CountStock, move_stock),
    Subscription(TransferStock, move_stock),
)

QUERIES = (
    Subscription(CheckStock, check_stock),
    Subscription(ExplainStock, explain_stock),
    Subscription(GetProduct, get_product),
    Subscription(ListLocations, list_locations),
)
