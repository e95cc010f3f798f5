"""Orders that come as plain requests: carried out past ASGI and Falcon.

Whatever has nothing unusual about it is answered here, and as `Orders.on_post` would answer it. All else is left to it,
what is wrong with a request above all: here nothing is said about that.
"""

from asyncio import CancelledError, Future
from collections.abc import Sequence
from functools import lru_cache, partial
from time import perf_counter

import msgspec
from msgspec import UNSET, Struct

from onhand.common.contracts import CreateOrder, Line
from onhand.common.errors import NoReply
from onhand.common.failpoints import hit
from onhand.common.messaging.envelope import Envelope
from onhand.common.messaging.request_reply import Requests
from onhand.common.plain_requests import LONGEST_REMEMBERED, PlainHead, PlainRequest
from onhand.common.shortcuts import Answer, Shortcut, Whole
from onhand.gateway.api.exchange import accepted, is_replayed, unknown
from onhand.gateway.api.orders import NewOrder, wanted
from onhand.gateway.body import MAX_BODY_BYTES, is_json
from onhand.gateway.headers import Headers, read_header_list
from onhand.gateway.problems import Problem, problem_of, whole_problem
from onhand.gateway.traffic import Traffic

_METHOD = "POST"
_ROUTE = "/api/gateway/orders"


def _headers_in(head: PlainHead) -> Headers | None:
    return (_read_headers_again if head.size <= LONGEST_REMEMBERED else _read_headers)(head.headers)


def _read_headers(given: tuple[tuple[bytes, bytes], ...]) -> Headers | None:
    """What goes along with an order, if it can be one and its client waits for no more than its place.

    Raises:
        Problem: as `read_headers`.
    """
    headers = read_header_list(given)
    return headers if is_json(given) and headers.wait is UNSET else None


_read_headers_again = lru_cache(maxsize=1024)(_read_headers)


class _Placing(Struct, frozen=True):
    """An order that is under way."""

    command: CreateOrder
    lines: Sequence[Line]
    headers: Headers
    answer: Answer
    began: float


class PlainOrders:
    """Takes orders from plain requests.

    Args:
        requests: sends them.
        traffic: counts them.

    Attributes:
        shortcut: the way in.
    """

    def __init__(self, requests: Requests, traffic: Traffic) -> None:
        self._requests = requests
        self._traffic = traffic
        self._decoder = msgspec.json.Decoder(NewOrder)
        self.shortcut = Shortcut(_METHOD.encode(), _ROUTE.encode(), self.take)

    def take(self, request: PlainRequest, answer: Answer) -> Future[Envelope] | None:
        """Create an order: 201 once it is on disk; None if the request is one for the application."""
        began = perf_counter()
        if len(request.body) > MAX_BODY_BYTES:
            return None
        try:
            headers = _headers_in(request.head)
            if headers is None:
                return None
            body = self._decoder.decode(request.body)
            command = wanted(body, headers)
        except (Problem, msgspec.MsgspecError, UnicodeDecodeError):
            return None
        placing = _Placing(command, body.lines or (), headers, answer, began)
        reply = self._requests.send(command, headers.traceparent, headers.actor)
        reply.add_done_callback(partial(self._end, placing))
        return reply

    def _end(self, placing: _Placing, reply: Future[Envelope]) -> None:
        """Answer by what came of it."""
        try:
            envelope = reply.result()
            hit("before_answer")
            self._tell(placing, _created(accepted(envelope, placing.lines)))
        except CancelledError:
            self._tell(placing, _unknown(placing, NoReply("the gateway was stopped before a reply came")))
        except NoReply as error:
            self._tell(placing, _unknown(placing, error))
        except Exception as error:  # noqa: BLE001  # whatever it is, somebody waits for an answer
            self._tell(placing, whole_problem(problem_of(error, _METHOD, _ROUTE)))

    def _tell(self, placing: _Placing, response: Whole) -> None:
        placing.answer(response)
        self._traffic.count(_ROUTE, _METHOD, response.status, perf_counter() - placing.began)


def _unknown(placing: _Placing, error: NoReply) -> Whole:
    return whole_problem(unknown(error, placing.headers, {"order_id": placing.command.order_id}))


def _created(reply: Envelope) -> Whole:
    lines = b"content-type: application/json\r\nlocation: %b/%b\r\n" % (_ROUTE.encode(), reply.subject.encode())
    if is_replayed(reply):
        lines += b"idempotent-replayed: true\r\n"
    return Whole(201, lines, bytes(reply.data))
