"""Every message that crosses a service boundary, and nothing else.

A contract is a name on the wire, a topic and a shape. It has no logic, so that services can share it without sharing
behaviour. A change that an existing reader would not understand is a new version of the type, never an edit.
"""

from onhand.common.contracts.inventory import CheckStock, SetStock, StockLevel, StockRejected, StockReserved
from onhand.common.contracts.message import Command, Event, Message, Query, Reply, RequestRefused
from onhand.common.contracts.orders import (
    CreateOrder,
    GetOrder,
    OrderConfirmed,
    OrderCreated,
    OrderDetails,
    OrderReceipt,
    OrderRejected,
)

CONTRACTS: tuple[type[Message], ...] = (
    CreateOrder,
    GetOrder,
    OrderReceipt,
    OrderDetails,
    OrderCreated,
    OrderConfirmed,
    OrderRejected,
    SetStock,
    CheckStock,
    StockLevel,
    StockReserved,
    StockRejected,
    RequestRefused,
)
"""All contracts, for whoever documents or checks them as a whole."""

__all__ = [
    "CONTRACTS",
    "CheckStock",
    "Command",
    "CreateOrder",
    "Event",
    "GetOrder",
    "Message",
    "OrderConfirmed",
    "OrderCreated",
    "OrderDetails",
    "OrderReceipt",
    "OrderRejected",
    "Query",
    "Reply",
    "RequestRefused",
    "SetStock",
    "StockLevel",
    "StockRejected",
    "StockReserved",
]
