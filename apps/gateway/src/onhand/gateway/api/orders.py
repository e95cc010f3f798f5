"""Orders: taking them, and what is done to them afterwards."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from uuid_utils.compat import uuid7

from onhand.common.contracts import CancelOrder, CreateOrder, FulfilOrder, GetOrder, GetTimeline, Line, ReturnOrder
from onhand.common.contracts.message import Quantity
from onhand.common.contracts.orders import Policy
from onhand.common.messaging.envelope import Envelope
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api.exchange import Request, Response, answer, ask
from onhand.gateway.api.lists import list_orders
from onhand.gateway.api.live import stream_order, wants_events
from onhand.gateway.api.waiting import listening, outcome
from onhand.gateway.body import read_body, read_optional_body
from onhand.gateway.explanation import Body
from onhand.gateway.fields import Identifier, Label, Labels, Remark
from onhand.gateway.headers import Headers, read_headers
from onhand.gateway.lines import NewLines, merged
from onhand.gateway.live.hub import Live
from onhand.gateway.parameters import order_id_of
from onhand.gateway.problems import Violation


class NewOrder(Body, frozen=True):
    """An order: for one product, by `productId` and `quantity`, or for several, by `lines`."""

    TOGETHER = {  # noqa: RUF012  # a ClassVar of Body
        "oneOf": [
            {"required": ["productId", "quantity"], "properties": {"lines": False}},
            {"required": ["lines"], "properties": {"productId": False, "quantity": False}},
        ]
    }

    customer_id: Identifier
    product_id: Identifier | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET
    lines: NewLines | UnsetType = UNSET
    policy: Policy = "all-or-nothing"
    reservation_id: UUID | UnsetType = UNSET
    reference: Label | UnsetType = UNSET
    metadata: Labels | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse what is neither of both forms; `wrong_together` says why."""
        has_lines = self.lines is not UNSET
        if has_lines in (self.product_id is not UNSET, self.quantity is not UNSET):
            raise ValueError("neither one product nor lines")

    @classmethod
    def wrong_together(cls, given: dict[str, Any]) -> Iterator[Violation]:
        """One product and lines at once, or neither."""
        for name in ("productId", "quantity"):
            if "lines" in given and name in given:
                yield Violation("must not be given together with lines", pointer=f"/{name}")
            elif "lines" not in given and name not in given:
                yield Violation("is missing, and so are lines", pointer=f"/{name}")

    def all_lines(self) -> tuple[Line, ...]:
        """What is ordered, in whichever form.

        Raises:
            Problem: 422, there are too many units of a product in all.
        """
        if self.product_id is not UNSET and self.quantity is not UNSET:
            return (Line(product_id=self.product_id, quantity=self.quantity),)
        return merged(self.lines or ())


class Cancellation(Body, frozen=True):
    """Why an order is given up."""

    reason: Remark | UnsetType = UNSET


class NewFulfilment(Body, frozen=True):
    """What is sent off; without lines all that is reserved."""

    lines: NewLines | UnsetType = UNSET
    reference: Label | UnsetType = UNSET


class NewReturn(Body, frozen=True):
    """What is back; without lines all that was sent."""

    lines: NewLines | UnsetType = UNSET
    restock: bool = True
    reason: Remark | UnsetType = UNSET


def wanted(body: NewOrder, headers: Headers) -> CreateOrder:
    """The command that creates an order with an id of its own."""
    return CreateOrder(
        order_id=uuid7(),
        customer_id=body.customer_id,
        lines=body.all_lines(),
        policy=body.policy,
        reservation_id=body.reservation_id,
        reference=body.reference,
        metadata=body.metadata,
        idempotency_key=headers.key,
        as_product=body.lines is UNSET,
    )


async def _place(requests: Requests, body: NewOrder, command: CreateOrder, headers: Headers) -> Envelope:
    """Create an order; returns the reply, which came once it was on disk.

    Raises:
        Problem: it is refused, or no reply came in time.
        Unavailable: nothing was sent.
    """
    return await ask(requests, command, headers, lines=body.lines or (), order_id=command.order_id)


class Orders:
    """`/api/gateway/orders` and one of them, `/api/gateway/orders/{orderId}`."""

    def __init__(self, requests: Requests, live: Live) -> None:
        self._requests = requests
        self._live = live
        self._decoder = msgspec.json.Decoder(NewOrder)

    async def on_post(self, request: Request, response: Response) -> None:
        """Create an order: 201 once it is on disk."""
        headers = read_headers(request)
        body = await read_body(request, self._decoder)
        command = wanted(body, headers)
        if headers.wait is UNSET:
            reply = await _place(self._requests, body, command, headers)
            answer(response, reply, status=201)
        else:
            reply = await self._place_and_wait(body, command, headers, response)
        response.set_header("Location", f"/api/gateway/orders/{reply.subject}")  # another's, if it is replayed

    async def on_get(self, request: Request, response: Response) -> None:
        """Tell orders, the newest first."""
        await list_orders(self._requests, request, response)

    async def on_get_one(self, request: Request, response: Response, order_id: str) -> None:
        """Tell an order as it stands."""
        query = GetOrder(order_id=order_id_of(order_id))
        answer(response, await ask(self._requests, query, read_headers(request)))

    async def on_get_events(self, request: Request, response: Response, order_id: str) -> None:
        """Tell all that has happened to an order; as a stream of events also what happens from then on."""
        if wants_events(request):
            await stream_order(self._requests, self._live, request, response, order_id_of(order_id))
            return
        query = GetTimeline(order_id=order_id_of(order_id))
        answer(response, await ask(self._requests, query, read_headers(request)))

    async def _place_and_wait(
        self, body: NewOrder, command: CreateOrder, headers: Headers, response: Response
    ) -> Envelope:
        """Answer when the order is not pending any more, or when its client would wait no longer."""
        async with listening(self._live, headers, command.order_id) as listener:
            reply = await _place(self._requests, body, command, headers)
            answer(response, reply, status=201)
            response.data = await outcome(self._requests, headers, reply, listener)
            response.set_header("Preference-Applied", f"wait={headers.wait}")
        return reply


class OrderChanges:
    """What can be done to an order: `/cancel`, `/fulfilments` and `/returns` below it."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._cancellations = msgspec.json.Decoder(Cancellation)
        self._fulfilments = msgspec.json.Decoder(NewFulfilment)
        self._returns = msgspec.json.Decoder(NewReturn)

    async def on_post_cancel(self, request: Request, response: Response, order_id: str) -> None:
        """Give an order up. To do it again changes nothing, with a key or without."""
        headers, order = read_headers(request), order_id_of(order_id)
        body = await read_optional_body(request, self._cancellations)
        cancellation_id = UNSET if headers.key is UNSET else headers.new_id("cancel", str(order))
        command = CancelOrder(order_id=order, reason=body.reason, cancellation_id=cancellation_id)
        answer(response, await ask(self._requests, command, headers))

    async def on_post_fulfilments(self, request: Request, response: Response, order_id: str) -> None:
        """Send off what is reserved for an order, or a part of it."""
        headers, order = read_headers(request), order_id_of(order_id)
        body = await read_optional_body(request, self._fulfilments)
        fulfilment_id = headers.new_id("fulfilments", str(order))
        command = FulfilOrder(
            order_id=order, fulfilment_id=fulfilment_id, lines=_merged(body.lines), reference=body.reference
        )
        reply = await ask(self._requests, command, headers, lines=body.lines or (), fulfilment_id=fulfilment_id)
        answer(response, reply, status=201)

    async def on_post_returns(self, request: Request, response: Response, order_id: str) -> None:
        """Take back what was sent off, or a part of it."""
        headers, order = read_headers(request), order_id_of(order_id)
        body = await read_optional_body(request, self._returns)
        return_id = headers.new_id("returns", str(order))
        command = ReturnOrder(
            order_id=order, return_id=return_id, lines=_merged(body.lines), restock=body.restock, reason=body.reason
        )
        reply = await ask(self._requests, command, headers, lines=body.lines or (), return_id=return_id)
        answer(response, reply, status=201)


def _merged(lines: NewLines | UnsetType) -> tuple[Line, ...] | UnsetType:
    return UNSET if lines is UNSET else merged(lines)
