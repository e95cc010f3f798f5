"""Many orders or movements in one request: each is done or refused on its own, and told in its place.

An item goes the way that a request of its own would go, so there is one way to place an order and one to move stock.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, NamedTuple, TypeVar
from uuid import UUID

import msgspec
import uuid_utils
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.structs import asdict, replace

from onhand.common.contracts import AdjustStock, Command, Line, ReceiveStock, SetStock
from onhand.common.contracts.inventory import DEFAULT_LOCATION
from onhand.common.contracts.message import Count
from onhand.common.errors import NoReply, Unavailable
from onhand.common.messaging.request_reply import Outcome, Requests
from onhand.gateway.api.exchange import Request, Response, accepted, is_replayed, unknown
from onhand.gateway.api.movements import Adjustment, Receipt
from onhand.gateway.api.orders import NewOrder, wanted
from onhand.gateway.api.stock import Stock
from onhand.gateway.body import decode, read_body
from onhand.gateway.explanation import Body
from onhand.gateway.fields import Identifier, ItemKey, LocationName
from onhand.gateway.headers import NAMESPACE, Headers, read_headers
from onhand.gateway.problems import Problem, ProblemDetails, Violation, unavailable

MAX_ITEMS = 1000
_MAX_BODY_BYTES = 8 * 1024 * 1024
_NAMESPACE = uuid_utils.UUID(str(NAMESPACE))  # Python's own UUIDv5 takes eight times as long
Items = Annotated[tuple[Raw, ...], Meta(min_length=1, max_length=MAX_ITEMS)]


class OrderBatch(Body, frozen=True):
    """Orders; each is decoded on its own, so that a wrong one does no harm to the others."""

    orders: Items


class StockBatch(Body, frozen=True):
    """Things to do to stock; each is decoded on its own."""

    items: Items


class BatchOrder(NewOrder, frozen=True):
    """An order in a batch, which may bring the key that it would have alone."""

    idempotency_key: ItemKey | UnsetType = UNSET


class SetItem(Body, frozen=True, kw_only=True, tag_field="type", tag="set"):
    """How many units there are."""

    product_id: Identifier
    on_hand: Count
    location_id: LocationName = DEFAULT_LOCATION
    idempotency_key: ItemKey | UnsetType = UNSET


class ReceiptItem(Receipt, frozen=True, kw_only=True, tag="receive"):
    """Units of a product have come in."""

    product_id: Identifier
    idempotency_key: ItemKey | UnsetType = UNSET


class AdjustmentItem(Adjustment, frozen=True, kw_only=True, tag="adjust"):
    """There are more units of a product than thought, or fewer."""

    product_id: Identifier
    idempotency_key: ItemKey | UnsetType = UNSET


AnyItem = SetItem | ReceiptItem | AdjustmentItem
_STOCK_COMMANDS: Mapping[type[AnyItem], type[Command]] = {
    SetItem: SetStock,
    ReceiptItem: ReceiveStock,
    AdjustmentItem: AdjustStock,
}
ItemT = TypeVar("ItemT", bound=BatchOrder | AnyItem)


class Result(Struct, frozen=True, omit_defaults=True):
    """What became of one item: the body that it would have got alone, or a problem.

    Attributes:
        status: HTTP status code that it would have got alone.
        body: if it is done.
        replayed: it was done before, under the same key.
        problem: if it is not, or if that is not known.
    """

    status: int
    body: Raw | UnsetType = UNSET
    replayed: bool = False
    problem: ProblemDetails | UnsetType = UNSET


class Results(Struct, frozen=True):
    """What became of each item, in the order of the request."""

    results: Sequence[Result]


class _Sent(NamedTuple):
    """What an item becomes.

    Attributes:
        headers: those that it would have alone.
        status: that it has when it is done.
        lines: of the item as they came.
        made: what it would make, see `ask`.
    """

    command: Command
    headers: Headers
    status: int
    lines: Sequence[Line]
    made: Mapping[str, UUID]


class OrderBatches:
    """`/api/gateway/orders/batch`."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._batches = msgspec.json.Decoder(OrderBatch)
        self._items = msgspec.json.Decoder(BatchOrder)

    async def on_post(self, request: Request, response: Response) -> None:
        """Create orders: 200 once it is known of each what became of it."""
        headers = read_headers(request)
        batch = await read_body(request, self._batches, _MAX_BODY_BYTES)

        def create(number: int, raw: Raw) -> _Sent:
            item = decode(bytes(raw), self._items)
            own = _headers_of(headers, number, item.idempotency_key)
            command = wanted(item, own)
            return _Sent(command, own, 201, item.lines or (), {"order_id": command.order_id})

        response.data = await _answer_each(self._requests, headers, "orders", batch.orders, create)


class StockBatches:
    """`/api/gateway/stock/batch`; what is not sent there by POST is about a product that is called `batch`."""

    def __init__(self, requests: Requests, stock: Stock) -> None:
        self._requests = requests
        self._stock = stock
        self._batches = msgspec.json.Decoder(StockBatch)
        self._items: msgspec.json.Decoder[AnyItem] = msgspec.json.Decoder(AnyItem)

    async def on_get(self, request: Request, response: Response) -> None:
        """Tell the stock of the product `batch`."""
        await self._stock.on_get(request, response, "batch")

    async def on_put(self, request: Request, response: Response) -> None:
        """Set the stock of the product `batch`."""
        await self._stock.on_put(request, response, "batch")

    async def on_post(self, request: Request, response: Response) -> None:
        """Set, receive and adjust stock: 200 once it is known of each item what became of it."""
        headers = read_headers(request)
        batch = await read_body(request, self._batches, _MAX_BODY_BYTES)

        def change(number: int, raw: Raw) -> _Sent:
            item: AnyItem = decode(bytes(raw), self._items)
            own = _headers_of(headers, number, item.idempotency_key)
            movement_id = own.new_id("movements", item.product_id)
            fields = asdict(item) | {"movement_id": movement_id, "idempotency_key": own.key}
            status = 200 if isinstance(item, SetItem) else 201
            command = _STOCK_COMMANDS[type(item)](**fields)  # it has the fields of the item, under the same names
            return _Sent(command, own, status, (), {"movement_id": movement_id})

        response.data = await _answer_each(self._requests, headers, "items", batch.items, change)


async def _answer_each(
    requests: Requests, headers: Headers, field: str, items: Sequence[Raw], make: Callable[[int, Raw], _Sent]
) -> bytes:
    """Send what items become; returns what became of each as JSON."""
    results: dict[int, Result] = {}
    sent: dict[int, _Sent] = {}
    for number, raw in enumerate(items):
        try:
            sent[number] = make(number, raw)
        except Problem as problem:
            results[number] = _refused(problem.details, f"/{field}/{number}")
    outcomes = await requests.ask_all([it.command for it in sent.values()], headers.traceparent, headers.actor)
    for (number, it), outcome in zip(sent.items(), outcomes, strict=True):
        try:
            results[number] = _done(it, outcome)
        except Problem as problem:
            results[number] = _refused(problem.details, f"/{field}/{number}")
    return msgspec.json.encode(Results([results[number] for number in range(len(items))]))


def _headers_of(headers: Headers, number: int, own_key: str | UnsetType) -> Headers:
    """The headers that an item would have alone; its key is its own, or follows from the batch's and its place."""
    if own_key is headers.key is UNSET:
        return headers
    key = str(uuid_utils.uuid5(_NAMESPACE, f"batch\n{number}\n{headers.key}")) if own_key is UNSET else own_key
    return Headers(headers.traceparent, headers.actor, key)


def _done(sent: _Sent, outcome: Outcome) -> Result:
    """What is told of an item that is done.

    Raises:
        Problem: it is not, or that is not known.
    """
    match outcome:
        case Unavailable() as error:
            raise unavailable(error)
        case NoReply() as error:
            raise unknown(error, sent.headers, sent.made)
        case reply:
            body = Raw(bytes(accepted(reply, sent.lines).data))
            return Result(sent.status, body=body, replayed=is_replayed(reply))


def _refused(details: ProblemDetails, pointer: str) -> Result:
    if details.errors is not UNSET:
        details = replace(details, errors=tuple(_below(pointer, error) for error in details.errors))
    return Result(details.status, problem=details)


def _below(pointer: str, error: Violation) -> Violation:
    return error if error.pointer is UNSET else replace(error, pointer=pointer + error.pointer)
