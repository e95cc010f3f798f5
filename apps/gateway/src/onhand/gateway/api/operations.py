"""What every route takes and answers, for the OpenAPI document. A route that is not here fails a test."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from onhand.common.contracts import (
    FeedEntry,
    HoldDetails,
    IncomingDetails,
    LocationDetails,
    LocationEntry,
    MovementReceipt,
    OrderDetails,
    OrderReceipt,
    OrderTimeline,
    ProductDetails,
    StockExplanation,
    StockLevel,
)
from onhand.common.contracts.explanation import PageSize
from onhand.common.contracts.message import Moment, PageLimit, Quantity
from onhand.common.contracts.orders import FulfilmentStatus, OrderStatus
from onhand.gateway.api.batches import MAX_ITEMS, AnyItem, BatchOrder
from onhand.gateway.api.catalogue import NewLocation, NewProduct
from onhand.gateway.api.movements import AnyMovement
from onhand.gateway.api.orders import Cancellation, NewFulfilment, NewOrder, NewReturn
from onhand.gateway.api.reservations import Extension, NewReservation
from onhand.gateway.api.stock import Expected, ExpectedAnew, NewLevel
from onhand.gateway.explanation import Body
from onhand.gateway.fields import Identifier, Label, LocationName
from onhand.gateway.openapi import Operation, one_of
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


PARAMETERS: dict[str, Any] = {
    "order_id": UUID,
    "product_id": Annotated[Identifier, Meta(examples=["123"])],
    "incoming_id": UUID,
    "reservation_id": UUID,
    "location_id": Annotated[LocationName, Meta(examples=["main"])],
}
"""Types of path parameters."""

_ORDER, _STOCK, _RESERVATION = "/orders/{order_id}", "/stock/{product_id}", "/reservations/{reservation_id}"
_LINES = [{"productId": "123", "quantity": 2}]

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/stock",
        "listStock",
        "Tell the stock of products, by their ids, page by page.",
        Stock,
        query={"low": bool, "depleted": bool, "locationId": LocationName, "limit": PageLimit, "cursor": str},
        problems=[404, 422],
        is_page=True,
    ),
    Operation(
        "PUT",
        _STOCK,
        "setStock",
        "Set how many units are on hand.",
        StockLevel,
        body=NewLevel,
        problems=[404, 409],
        makes="product_id",
        example={"onHand": 10},
    ),
    Operation(
        "GET",
        _STOCK,
        "getStock",
        "Tell a product's stock; with a quantity, also whether that many can be promised.",
        StockLevel,
        query={"quantity": Quantity},
        problems=[404, 422],
    ),
    Operation(
        "POST",
        f"{_STOCK}/movements",
        "moveStock",
        "Receive, adjust, count or transfer units.",
        MovementReceipt,
        201,
        body=AnyMovement,
        problems=[404, 409],
        example={"type": "receive", "quantity": 10, "reference": "delivery 9"},
    ),
    Operation(
        "POST",
        f"{_STOCK}/incoming",
        "expectStock",
        "Expect units.",
        IncomingDetails,
        201,
        body=Expected,
        problems=[404, 409],
        makes="incoming_id",
        has_location=True,
        example={"quantity": 5, "expectedAt": "2027-01-04T09:00:00Z"},
    ),
    Operation(
        "PUT",
        f"{_STOCK}/incoming/{{incoming_id}}",
        "changeIncoming",
        "Expect units, or say anew how many and when.",
        IncomingDetails,
        may_make=True,
        body=ExpectedAnew,
        problems=[404, 409],
        makes="incoming_id",
        example={"quantity": 7, "expectedAt": "2027-01-05T09:00:00Z"},
    ),
    Operation(
        "GET",
        f"{_STOCK}/incoming/{{incoming_id}}",
        "getIncoming",
        "Tell what is expected, or was.",
        IncomingDetails,
        problems=[404, 422],
    ),
    Operation(
        "GET",
        "/incoming",
        "listIncoming",
        "Tell what is still to come, by its product and then its id, page by page.",
        Incoming,
        query={"productId": Identifier, "limit": PageLimit, "cursor": str},
        problems=[422],
        is_page=True,
    ),
    Operation(
        "GET",
        f"{_STOCK}/explain",
        "explainStock",
        "Tell what is behind a product's numbers, now or at a moment of the past.",
        StockExplanation,
        query={"at": Moment, "limit": PageSize},
        problems=[404, 422],
    ),
    Operation(
        "GET",
        "/products",
        "listProducts",
        "Tell what products are, by their ids, page by page.",
        Products,
        query={"prefix": Identifier, "limit": PageLimit, "cursor": str},
        problems=[422],
        is_page=True,
    ),
    Operation(
        "PUT",
        "/products/{product_id}",
        "defineProduct",
        "Say what a product is, all of it anew.",
        ProductDetails,
        body=NewProduct,
        problems=[409],
        makes="product_id",
        example={"name": "Tea", "lowStockThreshold": 3},
    ),
    Operation(
        "GET", "/products/{product_id}", "getProduct", "Tell what a product is.", ProductDetails, problems=[404, 422]
    ),
    Operation(
        "PUT",
        "/locations/{location_id}",
        "defineLocation",
        "Say what a location is, all of it anew.",
        LocationDetails,
        body=NewLocation,
        problems=[409],
        example={"name": "Main", "priority": 100},
    ),
    Operation("GET", "/locations", "listLocations", "Tell all locations, in the order in which they serve.", Locations),
    Operation(
        "POST",
        "/reservations",
        "holdStock",
        "Hold units of all lines, or none.",
        HoldDetails,
        201,
        body=NewReservation,
        problems=[404, 409],
        makes="reservation_id",
        has_location=True,
        example={"lines": _LINES, "ttlSeconds": 900},
    ),
    Operation("GET", _RESERVATION, "getReservation", "Tell a reservation as it stands.", HoldDetails, problems=[404]),
    Operation(
        "POST",
        f"{_RESERVATION}/extend",
        "extendReservation",
        "Hold it for so long from now on.",
        HoldDetails,
        body=Extension,
        problems=[404, 409],
        example={"ttlSeconds": 1800},
    ),
    Operation("DELETE", _RESERVATION, "releaseReservation", "Hold it no longer.", HoldDetails, problems=[404, 409]),
    Operation(
        "POST",
        "/orders",
        "createOrder",
        "Create an order: 201 once it is on disk.",
        OrderReceipt,
        201,
        body=NewOrder,
        problems=[409],
        makes="order_id",
        has_location=True,
        may_wait=True,
        example={"customerId": "cust-456", "productId": "123", "quantity": 5},
    ),
    Operation(
        "GET",
        "/orders",
        "listOrders",
        "Tell orders, the newest first, page by page.",
        Orders,
        query={
            "status": OrderStatus,
            "fulfilment": FulfilmentStatus,
            "customerId": Identifier,
            "productId": Identifier,
            "reference": Label,
            "createdFrom": Moment,
            "createdTo": Moment,
            "limit": PageLimit,
            "cursor": str,
        },
        problems=[422],
        is_page=True,
    ),
    Operation("GET", _ORDER, "getOrder", "Tell an order as it stands.", OrderDetails, problems=[404]),
    Operation(
        "GET",
        f"{_ORDER}/events",
        "getOrderEvents",
        "Tell all that has happened to an order; as a stream of events also what happens from then on.",
        OrderTimeline,
        problems=[404],
        events=FeedEntry,
    ),
    Operation(
        "GET",
        "/events",
        "streamEvents",
        "Tell what happens to all orders, or to those of a customer, while it happens.",
        query={"customerId": Identifier},
        problems=[406, 422],
        events=FeedEntry,
    ),
    Operation(
        "POST",
        f"{_ORDER}/fulfilments",
        "fulfilOrder",
        "Send off what is reserved for an order, or a part of it.",
        OrderDetails,
        201,
        body=NewFulfilment,
        is_body_optional=True,
        problems=[404, 409],
        example={"lines": _LINES, "reference": "parcel 1"},
    ),
    Operation(
        "POST",
        f"{_ORDER}/returns",
        "returnOrder",
        "Take back what was sent off, or a part of it.",
        OrderDetails,
        201,
        body=NewReturn,
        is_body_optional=True,
        problems=[404, 409],
        example={"reason": "too small"},
    ),
    Operation(
        "POST",
        f"{_ORDER}/cancel",
        "cancelOrder",
        "Give an order up, as long as nothing has left.",
        OrderDetails,
        body=Cancellation,
        is_body_optional=True,
        problems=[404, 409],
        example={"reason": "changed my mind"},
    ),
    Operation(
        "POST",
        "/stock/batch",
        "changeStocks",
        "Set, receive and adjust stock, each item on its own.",
        StockResults,
        body=StockBatch,
        example={"items": [{"type": "set", "productId": "123", "onHand": 10}]},
    ),
    Operation(
        "GET",
        "/stock/batch",
        "getStockOfBatch",
        "Tell the stock of the product that is called `batch`.",
        StockLevel,
        query={"quantity": Quantity},
        problems=[404, 422],
    ),
    Operation(
        "PUT",
        "/stock/batch",
        "setStockOfBatch",
        "Set the stock of the product that is called `batch`.",
        StockLevel,
        body=NewLevel,
        problems=[404, 409],
        example={"onHand": 10},
    ),
    Operation(
        "POST",
        "/orders/batch",
        "createOrders",
        "Create orders, each on its own.",
        OrderResults,
        body=OrderBatch,
        example={"orders": [{"customerId": "cust-456", "productId": "123", "quantity": 5}]},
    ),
)
