"""Requests that are carried out past ASGI.

On its way through ASGI a request has a scope, a task, a body that is waited for and a response in two parts. Where all
that is done is to send a message and to pass its reply on, that costs more than the rest. So whoever serves may name
one kind of request, and gets those that are in plain form as they are, to answer them when there is an answer.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from onhand.common.plain_requests import PlainRequest
from onhand.common.refusals import Refuse, RefusingProtocol


class Whole(NamedTuple):
    """A response.

    Attributes:
        status: its code.
        header_lines: each with its line end; all but those that say when it is and how long the body is.
        body: all of it.
    """

    status: int
    header_lines: bytes
    body: bytes


Answer = Callable[[Whole], None]
"""Sends a response. To be called once, at once or later."""


class Shortcut(NamedTuple):
    """Who carries out requests past ASGI, and which.

    Attributes:
        begins: what they begin with, from the method on.
        take: takes one on, or returns False to leave it to the application. Then it has had no effect.
    """

    begins: bytes
    take: Callable[[PlainRequest, Answer], bool]


class _UnderWay:
    """Stands in the place of a request of uvicorn's."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")
    chunked_encoding = False
    message_event = asyncio.Event()  # uvicorn sets it when the connection is lost; nobody waits for it

    def __init__(self) -> None:
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = False


class ShortcutProtocol(RefusingProtocol):
    """Offers requests that come alone and in plain form to somebody, before the application is asked.

    Args:
        shortcut: is offered them.
        refuse: is asked first, see `RefusingProtocol`.
        uvicorn: what uvicorn gives to a protocol.
    """

    def __init__(self, shortcut: Shortcut, refuse: Refuse, **uvicorn: Any) -> None:  # noqa: ANN401  # uvicorn's own business
        super().__init__(refuse, **uvicorn)
        self._shortcut = shortcut

    def _expects_plain(self, data: bytes) -> bool:
        return super()._expects_plain(data) or (data.startswith(self._shortcut.begins) and self._is_idle())

    def _takes(self, request: PlainRequest) -> bool:
        return super()._takes(request) or self._begins(request)

    def _begins(self, request: PlainRequest) -> bool:
        """Offer a request; what comes meanwhile on its connection waits until it is answered, as with any other."""
        under_way, before = _UnderWay(), self.cycle
        self.cycle = under_way  # type: ignore[assignment]  # it stands in for one
        if self._shortcut.take(request, partial(self._answer, under_way)):
            return True
        self.cycle = before
        return False

    def _answer(self, under_way: _UnderWay, response: Whole) -> None:
        """Send what a request is answered, if anybody is there to read it, and go on to the next."""
        under_way.response_complete = True
        if self.is_lost:
            return
        lines = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        if not under_way.keep_alive:
            lines.append(b"connection: close\r\n")
        length = b"content-length: %d\r\n\r\n" % len(response.body)
        head = (STATUS_LINE[response.status], *lines, response.header_lines, length)
        self._write_whole(b"".join((*head, response.body)))
        if not under_way.keep_alive:
            self.transport.close()
        elif self.pipeline:
            self.on_response_complete()
        else:
            self._rest()
