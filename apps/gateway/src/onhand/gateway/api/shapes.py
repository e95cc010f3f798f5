"""What lists and batches look like, for the OpenAPI document alone: they are put together, or read, part by part."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from onhand.common.contracts import (
    IncomingDetails,
    LocationEntry,
    MovementReceipt,
    OrderDetails,
    OrderReceipt,
    ProductDetails,
    StockLevel,
)
from onhand.gateway.api.batches import MAX_ITEMS, AnyItem, BatchOrder
from onhand.gateway.explanation import Body
from onhand.gateway.openapi import one_of
from onhand.gateway.problems import ProblemDetails


class Locations(Struct, frozen=True):
    """All locations, in the order in which they serve."""

    locations: tuple[LocationEntry, ...]


class Orders(Struct, frozen=True):
    """One page of orders, the newest first; it may have fewer than its limit, or none, while others follow."""

    orders: tuple[OrderDetails, ...]
    next: str | UnsetType = UNSET


class Stock(Struct, frozen=True):
    """One page of the stock of products, by their ids; it may have fewer than its limit while others follow."""

    stock: tuple[StockLevel, ...]
    next: str | UnsetType = UNSET


class Products(Struct, frozen=True):
    """One page of products, by their ids."""

    products: tuple[ProductDetails, ...]
    next: str | UnsetType = UNSET


class Incoming(Struct, frozen=True):
    """One page of what is still to come, by its product and then its id."""

    incoming: tuple[IncomingDetails, ...]
    next: str | UnsetType = UNSET


class OrderBatch(Body, frozen=True):
    """Orders, each as one alone. A wrong one is answered with a problem in its place, and the others are done."""

    orders: Annotated[tuple[BatchOrder, ...], Meta(min_length=1, max_length=MAX_ITEMS)]


class StockBatch(Body, frozen=True):
    """Things to do to stock, in any order. A wrong one is answered with a problem in its place."""

    items: Annotated[tuple[AnyItem, ...], Meta(min_length=1, max_length=MAX_ITEMS)]


class OrderResult(Struct, frozen=True):
    """What became of one order: the status and the body that it would have got alone, or a problem."""

    status: int
    body: OrderReceipt | UnsetType = UNSET
    replayed: bool = False
    problem: ProblemDetails | UnsetType = UNSET


class OrderResults(Struct, frozen=True):
    """What became of each order, in the order of the request."""

    results: tuple[OrderResult, ...]


class StockResult(Struct, frozen=True):
    """What became of one item: the status and the body that it would have got alone, or a problem."""

    status: int
    body: Annotated[Any, one_of(StockLevel, MovementReceipt)] = UNSET  # msgspec has no union of structs without tags
    replayed: bool = False
    problem: ProblemDetails | UnsetType = UNSET


class StockResults(Struct, frozen=True):
    """What became of each item, in the order of the request."""

    results: tuple[StockResult, ...]
