"""Products and locations."""

import msgspec
from msgspec import UNSET, UnsetType

from onhand.common.contracts import DefineLocation, DefineProduct, GetProduct, ListLocations, LocationList
from onhand.common.contracts.catalogue import Priority
from onhand.common.contracts.message import Count
from onhand.common.messaging.envelope import read_as
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api.exchange import Request, Response, answer, ask
from onhand.gateway.api.lists import list_products
from onhand.gateway.body import read_body
from onhand.gateway.explanation import Body
from onhand.gateway.fields import Title
from onhand.gateway.headers import read_headers
from onhand.gateway.parameters import location_id_of, product_id_of


class NewProduct(Body, frozen=True):
    """What a product is; what is absent is as it is by default."""

    name: Title | UnsetType = UNSET
    low_stock_threshold: Count | UnsetType = UNSET
    safety_stock: Count = 0
    backorderable: bool = True


class NewLocation(Body, frozen=True):
    """What a location is; what is absent is as it is by default."""

    name: Title | UnsetType = UNSET
    priority: Priority = 100


class Products:
    """`/api/gateway/products` and one of them, `/{productId}` below."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._decoder = msgspec.json.Decoder(NewProduct)

    async def on_get(self, request: Request, response: Response) -> None:
        """Tell what products are, by their ids."""
        await list_products(self._requests, request, response)

    async def on_get_one(self, request: Request, response: Response, product_id: str) -> None:
        """Tell what a product is."""
        query = GetProduct(product_id=product_id_of(product_id))
        answer(response, await ask(self._requests, query, read_headers(request)))

    async def on_put_one(self, request: Request, response: Response, product_id: str) -> None:
        """Say what a product is, all of it anew."""
        headers, product = read_headers(request), product_id_of(product_id)
        body = await read_body(request, self._decoder)
        command = DefineProduct(product_id=product, **msgspec.structs.asdict(body))
        answer(response, await ask(self._requests, command, headers))


class Locations:
    """`/api/gateway/locations` and one of them, `/{locationId}` below."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._decoder = msgspec.json.Decoder(NewLocation)

    async def on_get(self, request: Request, response: Response) -> None:
        """Tell all locations, in the order in which they serve."""
        reply = await ask(self._requests, ListLocations(), read_headers(request))
        response.data = msgspec.json.encode({"locations": read_as(LocationList, reply).locations})

    async def on_put_one(self, request: Request, response: Response, location_id: str) -> None:
        """Say what a location is, all of it anew."""
        headers, location = read_headers(request), location_id_of(location_id)
        body = await read_body(request, self._decoder)
        command = DefineLocation(location_id=location, name=body.name, priority=body.priority)
        answer(response, await ask(self._requests, command, headers))
