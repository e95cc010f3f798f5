"""Requests that are carried out past ASGI.

On its way through ASGI a request has a scope, a task, a body that is waited for and a response in two parts. Where all
that is done is to send a message and to pass its reply on, that costs more than the rest. So whoever serves may name
one kind of request, and gets those that are in plain form as they are, to answer them when there is an answer.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from onhand.common.plain_requests import PlainHead, PlainRequest, is_plain_head, plain_request
from onhand.common.refusals import REFUSED, Refuse, RefusingProtocol, StandIn


class Whole(Struct, frozen=True):
    """A response.

    Attributes:
        status: its code.
        header_lines: each with its line end; all but those that say when it is and how long the body is.
        body: all of it.
    """

    status: int
    header_lines: bytes
    body: bytes

    def encode(self, more_lines: bytes = b"") -> bytes:
        """All of it as it is sent, with header lines besides."""
        length = b"content-length: %d\r\n\r\n" % len(self.body)
        return b"".join((STATUS_LINE[self.status], more_lines, self.header_lines, length, self.body))


Answer = Callable[[Whole], None]
"""Sends a response. To be called once, at once or later."""


class Shortcut(NamedTuple):
    """Who carries out requests past ASGI, and which.

    Attributes:
        method: of the requests, in capital letters.
        target: of the requests, all of it.
        take: takes one on, or returns None to leave it to the application; then it has had no effect. What it returns
            is done when the request is answered, and cancelled when the process waits no longer; then it answers, too.
    """

    method: bytes
    target: bytes
    take: Callable[[PlainRequest, Answer], asyncio.Future[Any] | None]


class ShortcutProtocol(RefusingProtocol):
    """Offers requests that come alone and in plain form to somebody, before the application is asked.

    Args:
        shortcut: is offered them.
        refuse: is asked first, see `RefusingProtocol`.
        uvicorn: what uvicorn gives to a protocol.
    """

    __slots__ = ("_begins", "_held", "_take", "_what")

    def __init__(self, shortcut: Shortcut, refuse: Refuse, **uvicorn: Any) -> None:  # noqa: ANN401  # uvicorn's own business
        super().__init__(refuse, **uvicorn)
        self._take = shortcut.take
        self._what = shortcut.method, shortcut.target
        self._begins = b"%b %b HTTP/1.1\r\n" % self._what
        self._held = b""

    def _take_in(self, data: bytes, head: PlainHead | None) -> None:
        """Take what has arrived; many clients send a head first and then the body."""
        if self._held:
            data, self._held = self._held + data, b""
            self._is_between_requests = True
            self.data_received(data)  # from the beginning: it may be too much by now
        elif head is None and self.cycle is not REFUSED and self._expects_plain(data) and is_plain_head(data):
            self._held = data
            self._is_between_requests = False  # its body comes next, whatever that looks like
            self._unset_keepalive_if_required()
        elif head is None or (head.method, head.target) != self._what or not self._takes_on(plain_request(head, data)):
            super()._take_in(data, head)

    def shutdown(self) -> None:
        """Close the connection after one more answer; a request of which a part is here has begun."""
        if self._held:
            data, self._held = self._held, b""
            super()._take_in(data, None)
        super().shutdown()

    def _expects_plain(self, data: bytes) -> bool:
        return super()._expects_plain(data) or (data.startswith(self._begins) and self._may_begin())

    def _takes_on(self, request: PlainRequest) -> bool:
        """Offer a request; what comes meanwhile on its connection waits until it is answered, as with any other."""
        under_way, before = StandIn(), self.cycle
        self.cycle = under_way  # type: ignore[assignment]  # it stands in for one
        taken = None
        try:
            taken = self._take(request, partial(self._answer, under_way))
        finally:
            if taken is None:
                self.cycle = before
        if taken is None:
            return False
        self.tasks.add(taken)  # type: ignore[arg-type]  # it is waited for and cancelled as a task
        taken.add_done_callback(self.tasks.discard)
        return True

    def _answer(self, under_way: StandIn, response: Whole) -> None:
        """Send what a request is answered, if anybody is there to read it, and go on to the next."""
        under_way.response_complete = True
        if self.is_lost:
            return
        lines = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        if not under_way.keep_alive:
            lines.append(b"connection: close\r\n")
        self._write_whole(response.encode(b"".join(lines)))
        if not under_way.keep_alive:
            self.transport.close()
        elif self.pipeline:
            self.on_response_complete()
        else:
            self._rest()
