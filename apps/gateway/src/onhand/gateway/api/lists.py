"""Lists: orders, stock, products and what is expected, page by page."""

from typing import get_args
from uuid import UUID

import msgspec
from msgspec import UNSET

from onhand.common.contracts import ListIncoming, ListOrders, ListProducts, ListStock
from onhand.common.contracts.orders import FulfilmentStatus, OrderStatus
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api.exchange import Request, Response, ask
from onhand.gateway.api.pages import answer_page, position_in, read_page_request
from onhand.gateway.fields import Identifier, Label, LocationName
from onhand.gateway.headers import read_headers
from onhand.gateway.parameters import choice_of, flag_of, moment_of, text_of
from onhand.gateway.problems import Violation, invalid_request

_ORDERS, _STOCK = "/api/gateway/orders", "/api/gateway/stock"
_PRODUCTS, _INCOMING = "/api/gateway/products", "/api/gateway/incoming"
_ORDER_FILTERS = ("status", "fulfilment", "customerId", "productId", "reference", "createdFrom", "createdTo")
_STOCK_FILTERS = ("low", "depleted", "locationId")


async def list_orders(requests: Requests, request: Request, response: Response) -> None:
    """Tell orders, the newest first: `GET /api/gateway/orders`.

    Raises:
        Problem: 422, a parameter is wrong; others as by `ask`.
    """
    page = read_page_request(request, _ORDER_FILTERS)
    query = ListOrders(
        limit=page.limit,
        status=choice_of(request, "status", get_args(OrderStatus)),
        fulfilment=choice_of(request, "fulfilment", get_args(FulfilmentStatus)),
        customer_id=text_of(request, "customerId", Identifier),
        product_id=text_of(request, "productId", Identifier),
        reference=text_of(request, "reference", Label),
        created_from=moment_of(request, "createdFrom"),
        created_to=moment_of(request, "createdTo"),
    )
    if query.created_from is not UNSET and query.created_to is not UNSET and query.created_to <= query.created_from:
        raise invalid_request(Violation("must be later than createdFrom", parameter="createdTo"))
    before = position_in(page, _ORDERS, query, UUID)
    reply = await ask(requests, msgspec.structs.replace(query, before=before), read_headers(request))
    answer_page(response, reply, "orders", _ORDERS, query)


async def list_products(requests: Requests, request: Request, response: Response) -> None:
    """Tell what products are, by their ids: `GET /api/gateway/products`.

    Raises:
        Problem: 422, a parameter is wrong; others as by `ask`.
    """
    page = read_page_request(request, ("prefix",))
    query = ListProducts(limit=page.limit, prefix=text_of(request, "prefix", Identifier))
    after = position_in(page, _PRODUCTS, query, Identifier)
    reply = await ask(requests, msgspec.structs.replace(query, after=after), read_headers(request))
    answer_page(response, reply, "products", _PRODUCTS, query)


async def list_incoming(requests: Requests, request: Request, response: Response) -> None:
    """Tell what is still to come, by its product and then its id: `GET /api/gateway/incoming`.

    Raises:
        Problem: 422, a parameter is wrong; others as by `ask`.
    """
    page = read_page_request(request, ("productId",))
    query = ListIncoming(limit=page.limit, product_id=text_of(request, "productId", Identifier))
    after = position_in(page, _INCOMING, query, UUID)
    reply = await ask(requests, msgspec.structs.replace(query, after=after), read_headers(request))
    answer_page(response, reply, "incoming", _INCOMING, query)


class StockList:
    """`/api/gateway/stock`."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def on_get(self, request: Request, response: Response) -> None:
        """Tell the stock of products, by their ids."""
        page = read_page_request(request, _STOCK_FILTERS)
        query = ListStock(
            limit=page.limit,
            low=flag_of(request, "low"),
            depleted=flag_of(request, "depleted"),
            location_id=text_of(request, "locationId", LocationName),
        )
        after = position_in(page, _STOCK, query, Identifier)
        reply = await ask(self._requests, msgspec.structs.replace(query, after=after), read_headers(request))
        answer_page(response, reply, "stock", _STOCK, query)
