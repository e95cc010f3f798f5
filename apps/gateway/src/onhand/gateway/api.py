"""The HTTP API: which path leads to which message, and which reply to which answer."""

import re
from uuid import UUID

import falcon.asgi
import msgspec
from msgspec import UNSET, Struct, UnsetType
from uuid_utils.compat import uuid7

from onhand.common.contracts import CheckStock, CreateOrder, GetOrder, RequestRefused, SetStock
from onhand.common.contracts.message import Count, Quantity
from onhand.common.errors import NoReply
from onhand.common.health import HttpApp
from onhand.common.messaging.envelope import Envelope, read_as
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.body import read_body
from onhand.gateway.parameters import Identifier, product_id_of, quantity_of
from onhand.gateway.problems import Problem, answer_problems, no_reply

Request = falcon.asgi.Request
Response = falcon.asgi.Response

_REFUSAL_STATUS = {"order-not-found": 404, "product-not-found": 404, "on-hand-below-reserved": 409}
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class NewOrder(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Body of `POST /api/gateway/orders`."""

    product_id: Identifier
    quantity: Quantity
    customer_id: Identifier


class NewLevel(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Body of `PUT /api/gateway/stock/{productId}`."""

    on_hand: Count


class Orders:
    """`/api/gateway/orders` and `/api/gateway/orders/{orderId}`."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._decoder = msgspec.json.Decoder(NewOrder)

    async def on_post(self, request: Request, response: Response) -> None:
        """Create an order: 201 once it is on disk."""
        body = await read_body(request, self._decoder)
        order_id = uuid7()
        command = CreateOrder(
            order_id=order_id, customer_id=body.customer_id, product_id=body.product_id, quantity=body.quantity
        )
        try:
            reply = await self._requests.ask(command, _traceparent(request))
        except NoReply as error:
            raise no_reply(error, order_id) from error
        _answer(response, reply, status=201)
        response.set_header("Location", f"/api/gateway/orders/{order_id}")

    async def on_get_one(self, request: Request, response: Response, order_id: str) -> None:
        """Tell an order as it stands."""
        try:
            query = GetOrder(order_id=msgspec.convert(order_id, UUID))
        except msgspec.ValidationError:
            raise Problem(404, "order-not-found", "There is no such order: order ids are UUIDs.") from None
        _answer(response, await self._requests.ask(query, _traceparent(request)))


class Stock:
    """`/api/gateway/stock/{productId}`."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._decoder = msgspec.json.Decoder(NewLevel)

    async def on_get(self, request: Request, response: Response, product_id: str) -> None:
        """Tell a product's stock; with `?quantity=n`, also whether that many are available."""
        quantity = request.get_param_as_list("quantity")
        query = CheckStock(
            product_id=product_id_of(product_id),
            quantity=UNSET if quantity is None else quantity_of(quantity),
        )
        _answer(response, await self._requests.ask(query, _traceparent(request)))

    async def on_put(self, request: Request, response: Response, product_id: str) -> None:
        """Set how many units are on hand."""
        product = product_id_of(product_id)
        body = await read_body(request, self._decoder)
        command = SetStock(product_id=product, on_hand=body.on_hand)
        _answer(response, await self._requests.ask(command, _traceparent(request)))


def create_app(requests: Requests) -> HttpApp:
    """The gateway's routes."""
    app: HttpApp = falcon.asgi.App()
    app.req_options.strip_url_path_trailing_slash = True
    answer_problems(app)
    orders = Orders(requests)
    app.add_route("/api/gateway/orders", orders)
    app.add_route("/api/gateway/orders/{order_id}", orders, suffix="one")
    app.add_route("/api/gateway/stock/{product_id}", Stock(requests))
    return app


def _answer(response: Response, reply: Envelope, status: int = 200) -> None:
    """Answer with what the reply says; its data is the body as it is."""
    if reply.type == RequestRefused.TYPE:
        refusal = read_as(RequestRefused, reply)
        raise Problem(_REFUSAL_STATUS[refusal.code], refusal.code, refusal.detail)
    response.status = status
    response.data = bytes(reply.data)


def _traceparent(request: Request) -> str | UnsetType:
    header = request.get_header("traceparent")
    return header if header and _TRACEPARENT.fullmatch(header) else UNSET
