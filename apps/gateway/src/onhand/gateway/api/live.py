"""Streams of events: of one order, of a customer, or of everything."""

from functools import partial
from uuid import UUID

import falcon
from msgspec import UNSET

from onhand.common.contracts import GetOrder
from onhand.common.http_protocol import CONNECTION
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api.exchange import Request, Response, ask
from onhand.gateway.fields import Identifier
from onhand.gateway.headers import Headers, read_headers, read_last_event_id, refuse_last_event_id
from onhand.gateway.live.feed import BEGINNING, Interest, Page, page_in, place_of
from onhand.gateway.live.hub import Live
from onhand.gateway.live.stream import Start, stream_events
from onhand.gateway.parameters import refuse_others, text_of

EVENT_STREAM = "text/event-stream"


class Events:
    """`/api/gateway/events`."""

    def __init__(self, requests: Requests, live: Live) -> None:
        self._requests = requests
        self._live = live

    async def on_get(self, request: Request, response: Response) -> None:
        """Tell what happens to all orders, or to those of a customer, while it happens."""
        if not request.client_accepts(EVENT_STREAM):
            raise falcon.HTTPNotAcceptable(description=f"What happens is told as {EVENT_STREAM} only.")
        refuse_others(request, ("customerId",))
        customer_id = text_of(request, "customerId", Identifier)
        interest = Interest(customer_id=None if customer_id is UNSET else customer_id)
        headers, position = read_headers(request), read_last_event_id(request)
        self._live.make_room()
        if position is None:
            position = await self._live.end_of_feed()
            page = Page([], position, has_more=False, is_unfinished=False)
        else:
            page = await _read_first_page(self._requests, interest, headers, position)
        _answer(request, response, self._live, self._requests, Start(interest, position, page))


async def stream_order(requests: Requests, live: Live, request: Request, response: Response, order_id: UUID) -> None:
    """Tell all that has happened to an order, or what has since a place, and then what happens.

    Raises:
        Problem: 404, there is no such order; others as by `ask`.
    """
    headers, position = read_headers(request), read_last_event_id(request) or BEGINNING
    live.make_room()
    await ask(requests, GetOrder(order_id=order_id), headers)
    interest = Interest(order_id=order_id)
    page = await _read_first_page(requests, interest, headers, position)
    _answer(request, response, live, requests, Start(interest, position, page))


def wants_events(request: Request) -> bool:
    """Whether a client would rather have a stream of events than JSON; JSON if it does not mind."""
    return request.client_prefers((falcon.MEDIA_JSON, EVENT_STREAM)) == EVENT_STREAM


def _answer(request: Request, response: Response, live: Live, requests: Requests, start: Start) -> None:
    response.content_type = EVENT_STREAM
    response.set_header("Cache-Control", "no-store")
    response.set_header("X-Accel-Buffering", "no")  # nginx would keep events until there are enough of them
    read = partial(_read_page, requests, start.interest, Headers())
    response.stream = stream_events(live, start, read, request.scope[CONNECTION])


async def _read_first_page(requests: Requests, interest: Interest, headers: Headers, after: str) -> Page:
    """What a client has missed.

    Raises:
        Problem: 400, it has heard of what has not happened here: in another database, or before an older state of this
            one was put back. It would hear nothing for long.
    """
    page = await _read_page(requests, interest, headers, after)
    if place_of(page.next) < place_of(after):
        raise refuse_last_event_id()
    return page


async def _read_page(requests: Requests, interest: Interest, headers: Headers, after: str) -> Page:
    return page_in(await ask(requests, interest.query(after), headers))
