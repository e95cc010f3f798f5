"""Entries that no service of ours would ever put on a stream."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Literal, NamedTuple, get_args
from uuid import UUID, uuid4

from msgspec import Raw
from msgspec.structs import replace

from onhand.common.contracts import (
    AllocationNoted,
    BackorderPromised,
    CancelOrder,
    CheckStock,
    Command,
    CreateOrder,
    Event,
    FulfilOrder,
    GetOrder,
    Line,
    LineAllocation,
    LinePromise,
    LineShortage,
    OrderConfirmed,
    OrderCreated,
    OrderRejected,
    Query,
    ReleaseHold,
    SetStock,
    StockRejected,
    StockReleased,
    StockReserved,
    StockReturned,
    StockShipped,
)
from onhand.common.messaging.envelope import Envelope, encode, wrap

Fields = Mapping[str, bytes]
Unreadable = Literal["garbage", "truncated", "oversized"]
Kind = Literal[Unreadable, "wrong", "unknown", "untrue"]
"""What is wrong with an entry: what it is, its data, its type, or what it says."""

READERS = {
    "orders.commands": "orders",
    "orders.queries": "orders",
    "orders.events": "inventory",
    "inventory.commands": "inventory",
    "inventory.queries": "inventory",
    "inventory.events": "orders",
}
"""Who reads what is on each topic."""

_DEPTH = 100_000
_MANY_BYTES = 10_000_000
_SHAPES = (b"", b"null", b"42", b'"text"', b"[]", b"{}", b'{"hello":"world"}', b"\x00" * 100, b"[" * _DEPTH)
_WRONG_DATA = (
    b"null",
    b"[]",
    b"{}",
    b'{"orderId":"1","productId":"","customerId":"","lines":[],"onHand":-1}',
    b'{"orderId":null,"productId":5,"customerId":{},"lines":"one","onHand":1.5}',
    b'{"orderId":"\\u0000","productId":"","lines":[{"quantity":2147483648}],"onHand":1e999}',
    b'{"nested":' + b"[" * _DEPTH + b"]" * _DEPTH + b"}",
)


class Forgery(NamedTuple):
    """An entry that somebody puts on a stream by hand.

    Attributes:
        kind: what is wrong with it.
        is_buried: whether it has to end in the dead letters of the topic's reader. If not, it has to change nothing.
    """

    kind: Kind
    topic: str
    fields: Fields
    is_buried: bool


def forgeries(random: Random, count: int) -> list[Forgery]:
    """Some of all that there may be on any topic, and at least one of each that is unreadable."""
    there = [*_unreadable(random), *_readable_with_wrong_data(random), *_never_happened()]
    random.shuffle(there)
    needed = [next(it for it in there if it.kind == kind) for kind in get_args(Unreadable)]
    chosen = [*needed, *(it for it in there if it not in needed)][:count]
    random.shuffle(chosen)
    return chosen


def contradictions(order_id: UUID) -> list[Forgery]:
    """Answers of Inventory for an order that has had its answer."""
    return [
        _forged(StockReserved(order_id=order_id)),
        _forged(StockRejected(order_id=order_id, reason="unknown-product", lines=(LineShortage("forged", 1, 0),))),
        _forged(StockReleased(order_id=order_id)),
        _forged(StockShipped(order_id=order_id, fulfilment_id=uuid4())),
        _forged(StockReturned(order_id=order_id, return_id=uuid4())),
    ]


def _unreadable(random: Random) -> Iterator[Forgery]:
    for message in _examples():
        whole = encode(_envelope(message))
        for payload in (*_SHAPES, random.randbytes(1000)):
            yield Forgery("garbage", message.TOPIC, {"event": payload}, is_buried=True)
        yield Forgery("garbage", message.TOPIC, {"other": b"field"}, is_buried=True)
        part = whole[: random.randrange(1, len(whole))]
        yield Forgery("truncated", message.TOPIC, {"event": part}, is_buried=True)
        much = random.randbytes(1000) * (_MANY_BYTES // 1000)
        yield Forgery("oversized", message.TOPIC, {"event": much}, is_buried=True)


def _readable_with_wrong_data(random: Random) -> Iterator[Forgery]:
    for message in _examples():
        for data in _WRONG_DATA:
            payload = encode(replace(_envelope(message), data=Raw(data)))
            yield Forgery("wrong", message.TOPIC, {"event": payload}, is_buried=True)
        unknown = replace(_envelope(message), type=f"orders.order-teleported.v{random.randint(1, 9)}")
        yield Forgery("unknown", message.TOPIC, {"event": encode(unknown)}, is_buried=False)
    nul = CreateOrder(order_id=uuid4(), customer_id="forger", lines=(Line("\x00", 1),))
    yield _forged(nul)._replace(kind="wrong", is_buried=True)


def _never_happened() -> Iterator[Forgery]:
    """Well-formed answers and outcomes for orders that do not exist."""
    for _ in range(3):
        yield _forged(StockReserved(order_id=uuid4()))
        yield _forged(StockReserved(order_id=uuid4(), lines=(LineAllocation("forged", 1, 1),), revision=7))
        yield _forged(StockRejected(order_id=uuid4(), reason="insufficient-stock", lines=()))
        yield _forged(BackorderPromised(order_id=uuid4(), lines=(LinePromise("forged"),), revision=7))
        yield _forged(StockShipped(order_id=uuid4(), fulfilment_id=uuid4()))
        yield _forged(AllocationNoted(order_id=uuid4(), revision=7))
        yield _forged(OrderConfirmed(order_id=uuid4()))
        yield _forged(OrderRejected(order_id=uuid4(), reason="unknown-product", lines=()))
        yield _forged(GetOrder(order_id=uuid4()))
        yield _forged(CancelOrder(order_id=uuid4()))
        yield _forged(FulfilOrder(order_id=uuid4(), fulfilment_id=uuid4()))
        yield _forged(ReleaseHold(reservation_id=uuid4()))


def _examples() -> list[Command | Query | Event]:
    """One message for each topic."""
    lines = (Line("forged", 1),)
    return [
        CreateOrder(order_id=uuid4(), customer_id="forger", lines=lines),
        GetOrder(order_id=uuid4()),
        OrderCreated(order_id=uuid4(), customer_id="forger", lines=lines),
        SetStock(movement_id=uuid4(), product_id="forged", on_hand=1),
        CheckStock(product_id="forged"),
        StockReserved(order_id=uuid4()),
    ]


def _envelope(message: Command | Query | Event) -> Envelope:
    return wrap(message, source="/forger", replyto="nobody")


def _forged(message: Command | Query | Event) -> Forgery:
    return Forgery("untrue", message.TOPIC, {"event": encode(_envelope(message))}, is_buried=False)
