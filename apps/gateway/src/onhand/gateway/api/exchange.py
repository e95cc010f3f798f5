"""What all routes do: send a message, wait for the reply, and make an answer or a problem of it."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import falcon.asgi
from msgspec import UNSET

from onhand.common.contracts import (
    Command,
    HoldReplayed,
    IncomingReplayed,
    Line,
    MovementReplayed,
    OrderReplayed,
    Query,
    RequestRefused,
    StockLevelReplayed,
)
from onhand.common.errors import NoReply
from onhand.common.messaging.envelope import Envelope, read_as
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.headers import Headers
from onhand.gateway.lines import pointer_into
from onhand.gateway.problems import Problem, Violation, no_reply

Request = falcon.asgi.Request
Response = falcon.asgi.Response

_REPLAYED = frozenset(
    it.TYPE for it in (OrderReplayed, MovementReplayed, StockLevelReplayed, HoldReplayed, IncomingReplayed)
)
_CONFLICT = 409
_REFUSAL_STATUS = {
    "order-not-found": 404,
    "product-not-found": 404,
    "location-not-found": 404,
    "reservation-not-found": 404,
    "incoming-not-found": 404,
    "idempotency-key-reused": 422,
}
_WITH_KEY = "Send it again with the same Idempotency-Key: it is done once, however often it is sent."
_WITHOUT_KEY = "Look before sending it again; with an Idempotency-Key it could be sent again as it is."


async def ask(
    requests: Requests, message: Command | Query, headers: Headers, *, lines: Sequence[Line] = (), **made: UUID
) -> Envelope:
    """Send a message and return its reply.

    Args:
        requests: sends it.
        message: what to ask.
        headers: what goes along.
        lines: those of the request as they came, for what is told of one of them.
        made: what it would make and cannot be known to the client, such as `order_id`.

    Raises:
        Problem: it is refused, or no reply came in time.
    """
    try:
        reply = await requests.ask(message, headers.traceparent, headers.actor)
    except NoReply as error:
        raise unknown(error, headers, made) from error
    return accepted(reply, lines)


def unknown(error: NoReply, headers: Headers, made: Mapping[str, UUID]) -> Problem:
    """504, with what the client can do about it; `made` as in `ask`."""
    if not made:
        return no_reply(error)
    return no_reply(error, _WITHOUT_KEY if headers.key is UNSET else _WITH_KEY, **made)


def accepted(reply: Envelope, lines: Sequence[Line] = ()) -> Envelope:
    """A reply that is no refusal; `lines` as in `ask`.

    Raises:
        Problem: it is one.
    """
    if reply.type == RequestRefused.TYPE:
        raise _refused(read_as(RequestRefused, reply), lines)
    return reply


def answer(response: Response, reply: Envelope, status: int = 200) -> None:
    """Answer with what a reply says; its data is the body as it is."""
    response.status = status
    response.data = bytes(reply.data)
    if is_replayed(reply):
        response.set_header("Idempotent-Replayed", "true")


def is_replayed(reply: Envelope) -> bool:
    """Whether a reply tells of what was there before."""
    return reply.type in _REPLAYED


def _refused(refusal: RequestRefused, lines: Sequence[Line]) -> Problem:
    errors: tuple[Violation, ...] = ()
    if refusal.pointer is not UNSET:
        errors = (Violation(refusal.detail, pointer=pointer_into(lines, refusal.pointer)),)
    return Problem(
        _REFUSAL_STATUS.get(refusal.code, _CONFLICT),
        refusal.code,
        refusal.detail,
        errors=errors or UNSET,
        state=refusal.state,
        lines=refusal.lines,
    )
