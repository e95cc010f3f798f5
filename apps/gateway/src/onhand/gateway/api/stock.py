"""Stock: what there is of a product, what comes and goes, what is expected, and why it is what it is."""

from datetime import UTC
from urllib.parse import quote
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from uuid_utils.compat import uuid7

from onhand.common.contracts import (
    CheckStock,
    ExpectStock,
    ExplainStock,
    GetIncoming,
    IncomingAdded,
    IncomingOver,
    SetStock,
)
from onhand.common.contracts.inventory import DEFAULT_LOCATION
from onhand.common.contracts.message import Count, Moment, Quantity
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api.exchange import Request, Response, answer, ask
from onhand.gateway.api.lists import list_incoming
from onhand.gateway.body import read_body
from onhand.gateway.explanation import Body
from onhand.gateway.fields import Label, LocationName, within_reach
from onhand.gateway.headers import read_headers
from onhand.gateway.parameters import (
    incoming_id_of,
    limit_of,
    moment_of,
    product_id_of,
    quantity_of,
    refuse_others,
)
from onhand.gateway.problems import Problem

_DEFAULT_LIMIT = 100
_LARGEST_LIMIT = 1000


class NewLevel(Body, frozen=True):
    """How many units there are."""

    on_hand: Count
    location_id: LocationName = DEFAULT_LOCATION


class Expected(Body, frozen=True):
    """Units that are on their way."""

    quantity: Quantity
    expected_at: Moment
    location_id: LocationName = DEFAULT_LOCATION
    reference: Label | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse a moment that cannot be stored."""
        if not within_reach(self.expected_at):
            raise ValueError("out of reach")


class ExpectedAnew(Expected, frozen=True):
    """What is said anew of units that are on their way; of none, that nothing comes any more."""

    quantity: Count


class Stock:
    """`/api/gateway/stock/{productId}` and `/explain` below it."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._decoder = msgspec.json.Decoder(NewLevel)

    async def on_get(self, request: Request, response: Response, product_id: str) -> None:
        """Tell a product's stock; with `?quantity=n`, also whether that many can be promised."""
        query = CheckStock(product_id=product_id_of(product_id), quantity=quantity_of(request))
        answer(response, await ask(self._requests, query, read_headers(request)))

    async def on_put(self, request: Request, response: Response, product_id: str) -> None:
        """Set how many units are on hand. To do it again sets it again."""
        headers, product = read_headers(request), product_id_of(product_id)
        body = await read_body(request, self._decoder)
        command = SetStock(movement_id=uuid7(), product_id=product, on_hand=body.on_hand, location_id=body.location_id)
        answer(response, await ask(self._requests, command, headers))

    async def on_get_explain(self, request: Request, response: Response, product_id: str) -> None:
        """Tell what is behind a product's numbers, now or `?at=` a moment of the past."""
        refuse_others(request, ("at", "limit"))
        query = ExplainStock(
            product_id=product_id_of(product_id),
            at=moment_of(request),
            limit=limit_of(request, _LARGEST_LIMIT) or _DEFAULT_LIMIT,
        )
        answer(response, await ask(self._requests, query, read_headers(request)))


class Incoming:
    """`/api/gateway/stock/{productId}/incoming` and one of it, `/{incomingId}` below; `/api/gateway/incoming`: all."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._new = msgspec.json.Decoder(Expected)
        self._anew = msgspec.json.Decoder(ExpectedAnew)

    async def on_post(self, request: Request, response: Response, product_id: str) -> None:
        """Expect units."""
        headers, product = read_headers(request), product_id_of(product_id)
        incoming_id = headers.new_id("incoming", product)
        body = await read_body(request, self._new)
        command = _expect(body, product, incoming_id, headers.key)
        answer(response, await ask(self._requests, command, headers, incoming_id=incoming_id), status=201)
        response.set_header("Location", f"/api/gateway/stock/{quote(product, safe='')}/incoming/{incoming_id}")

    async def on_get_all(self, request: Request, response: Response) -> None:
        """Tell what is still to come, by its product."""
        await list_incoming(self._requests, request, response)

    async def on_put_one(self, request: Request, response: Response, product_id: str, incoming_id: str) -> None:
        """Expect units, or say anew how many and when: 201 if nothing was expected under this id before."""
        headers, product = read_headers(request), product_id_of(product_id)
        expected_as = incoming_id_of(incoming_id)
        body = await read_body(request, self._anew)
        reply = await ask(self._requests, _expect(body, product, expected_as), headers)
        if reply.type == IncomingOver.TYPE:
            detail = "It has been received; what else is to come is expected under another id."
            raise Problem(409, "incoming-state", detail, state="received")
        answer(response, reply, status=201 if reply.type == IncomingAdded.TYPE else 200)

    async def on_get_one(self, request: Request, response: Response, product_id: str, incoming_id: str) -> None:
        """Tell what is expected under an id, as it stands."""
        query = GetIncoming(product_id=product_id_of(product_id), incoming_id=incoming_id_of(incoming_id))
        answer(response, await ask(self._requests, query, read_headers(request)))


def _expect(body: Expected, product_id: str, incoming_id: UUID, key: str | UnsetType = UNSET) -> ExpectStock:
    return ExpectStock(
        incoming_id=incoming_id,
        product_id=product_id,
        quantity=body.quantity,
        expected_at=body.expected_at.astimezone(UTC),
        location_id=body.location_id,
        reference=body.reference,
        idempotency_key=key,
    )
