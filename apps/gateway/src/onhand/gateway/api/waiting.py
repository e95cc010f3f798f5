"""Waiting for the outcome of a new order, if its client would rather have that (RFC 7240)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from msgspec.json import Decoder, encode
from msgspec.structs import replace

from onhand.common.contracts import GetOrder, OrderDetails, OrderReceipt
from onhand.common.errors import NoReply, Unavailable
from onhand.common.messaging.envelope import Envelope, read_as
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api.exchange import ask
from onhand.gateway.headers import Headers
from onhand.gateway.live.feed import Interest
from onhand.gateway.live.hub import Live
from onhand.gateway.live.listener import Listener
from onhand.gateway.problems import Problem

_LOOK_SECONDS = 1.0
"""An order is looked at again after so long, also if nothing was heard of it."""


_read_receipt = Decoder(OrderReceipt).decode


@asynccontextmanager
async def listening(live: Live, headers: Headers, order_id: UUID) -> AsyncGenerator[Listener | None]:
    """Listen to what happens to an order from before it is there, for the length of the block, if one would wait.

    Raises:
        Unavailable: Orders cannot be asked.
    """
    if not headers.wait:
        yield None
        return
    try:
        position = await live.end_of_feed()
    except NoReply as error:  # of a question; nothing was done
        raise Unavailable("orders does not answer") from error
    listener = live.join(Interest(order_id=order_id), position)
    try:
        yield listener
    finally:
        live.leave(listener)


async def outcome(requests: Requests, headers: Headers, reply: Envelope, listener: Listener | None) -> bytes:
    """Wait until an order is not pending any more, for as long as its client would; returns what it is told.

    It is the same receipt with another status: what an answer looks like does not depend on how long it took.

    Args:
        requests: looks at the order.
        headers: say how long.
        reply: that the order is on disk.
        listener: hears of the order.
    """
    receipt = _read_receipt(reply.data)
    clock = asyncio.get_running_loop().time
    deadline = clock() + (headers.wait or 0)
    while receipt.status == "pending" and listener is not None and (left := deadline - clock()) > 0:
        if await listener.take(min(left, _LOOK_SECONDS)) is None:
            break  # the gateway is being stopped
        with suppress(Unavailable, Problem):  # that it is on disk is known already
            order = read_as(OrderDetails, await ask(requests, GetOrder(order_id=receipt.order_id), headers))
            receipt = replace(receipt, status=order.status, reason=order.reason)
    return encode(receipt)
