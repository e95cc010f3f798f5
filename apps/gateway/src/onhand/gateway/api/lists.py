"""Lists: orders, stock, products and what is expected, page by page."""

from typing import Any, NamedTuple, get_args
from uuid import UUID

import msgspec
from msgspec import UNSET

from onhand.common.contracts import ListIncoming, ListOrders, ListProducts, ListStock, Query
from onhand.common.contracts.orders import FulfilmentStatus, OrderStatus
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api.exchange import Request, Response, ask
from onhand.gateway.api.pages import PageRequest, answer_page, position_in, read_page_request
from onhand.gateway.fields import Identifier, Label, LocationName
from onhand.gateway.headers import read_headers
from onhand.gateway.parameters import choice_of, flag_of, moment_of, text_of
from onhand.gateway.problems import Violation, invalid_request

_ORDER_FILTERS = ("status", "fulfilment", "customerId", "productId", "reference", "createdFrom", "createdTo")
_STOCK_FILTERS = ("low", "depleted", "locationId")


class _List(NamedTuple):
    """A list that is told page by page.

    Attributes:
        name: of the field that has the entries, and of the list's path.
        position: the field of the question that says where a page begins.
        kind: of positions.
    """

    name: str
    position: str
    kind: Any

    async def tell(
        self,
        requests: Requests,
        request: Request,
        response: Response,
        page: PageRequest,
        query: Query,
    ) -> None:
        """Ask for a page, and answer with it."""
        path = f"/api/gateway/{self.name}"
        begins = {self.position: position_in(page, path, query, self.kind)}
        reply = await ask(requests, msgspec.structs.replace(query, **begins), read_headers(request))
        answer_page(response, reply, self.name, path, query)


_ORDERS = _List("orders", "before", UUID)
_STOCK = _List("stock", "after", Identifier)
_PRODUCTS = _List("products", "after", Identifier)
_INCOMING = _List("incoming", "after", UUID)


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
    await _ORDERS.tell(requests, request, response, page, query)


async def list_products(requests: Requests, request: Request, response: Response) -> None:
    """Tell what products are, by their ids: `GET /api/gateway/products`.

    Raises:
        Problem: 422, a parameter is wrong; others as by `ask`.
    """
    page = read_page_request(request, ("prefix",))
    query = ListProducts(limit=page.limit, prefix=text_of(request, "prefix", Identifier))
    await _PRODUCTS.tell(requests, request, response, page, query)


async def list_incoming(requests: Requests, request: Request, response: Response) -> None:
    """Tell what is still to come, by its product and then its id: `GET /api/gateway/incoming`.

    Raises:
        Problem: 422, a parameter is wrong; others as by `ask`.
    """
    page = read_page_request(request, ("productId",))
    query = ListIncoming(limit=page.limit, product_id=text_of(request, "productId", Identifier))
    await _INCOMING.tell(requests, request, response, page, query)


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
        await _STOCK.tell(self._requests, request, response, page, query)
