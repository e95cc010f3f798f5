"""uvicorn's HTTP protocol, with cheap refusals, one write for each response, and a last answer for every connection.

Under a load several times of what can be carried most requests are refused, and what a refusal costs is taken from the
requests that are not. So whoever serves may refuse a request as soon as its head is read, with bytes made beforehand:
no scope is filled, no task is made, and no application is asked.

uvicorn writes the head of a response and its body one after the other, and a write is the dearest thing the gateway
does: a system call, and a client woken for a head that it can do nothing with.

When the process stops, uvicorn closes at once the connections on which no request is under way. A request that is just
arriving on one of them is never answered, and its client cannot know whether it was done. So they are left open for a
moment, and the next request on each is answered, with `Connection: close`.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Refuse = Callable[[bytes, bytes, int], bytes | None]
"""Takes method and target of a request, as they were sent, and how many requests are under way in this process. Returns
None to let it in, or what to answer instead: a whole response, with Content-Length, that leaves the connection open."""

_HEAD = b"HTTP/1.1 "
_HEAD_END = b"\r\n\r\n"
_LAST_SECONDS = 0.5
"""How long a client that uses its connection again and again has to do so once more when the process stops."""
_MOST_PASSED_OVER_BYTES = 256 * 1024
"""Of the body of a refused request, which is read for nothing. Who sends more is cut off."""


class _Refused:
    """Stands in the place of a request that is under way: one that has its answer already."""

    response_complete = True
    message_event = asyncio.Event()  # uvicorn sets it when the connection is lost; nobody waits for it


_REFUSED: Any = _Refused()


class HttpProtocol(HttpToolsProtocol):
    """Refuses what it is told to, and sends what uvicorn writes with head and body together.

    Args:
        refuse: is asked about every request that is not behind another one on its connection.
        uvicorn: what uvicorn gives to a protocol.
    """

    _is_stopping = False

    def __init__(self, *, refuse: Refuse | None = None, **uvicorn: Any) -> None:  # noqa: ANN401  # uvicorn's own business
        super().__init__(**uvicorn)
        self._refuse = refuse
        self._is_last = False
        self._passed_over_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn's own
        """Begin with a new connection."""
        super().connection_made(_HeadKeepingTransport(transport, self.loop))  # type: ignore[arg-type]  # it stands in for one

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        super().data_received(data)
        if self.cycle is _REFUSED and self.timeout_keep_alive_task is None:
            # uvicorn begins to count when it has answered. Here the rest of a body, too, has to come within that time.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_headers_complete(self) -> None:
        """Begin with a request, or be done with it."""
        if self._refuse is not None and self._is_idle():
            if self._is_last:  # the client was told so, and does not expect an answer
                return
            # While a client does not read, its answers pile up here. uvicorn makes such a client wait.
            if not self.flow.write_paused:
                refusal = self._refuse(self.parser.get_method(), self.url, len(self.tasks))
                if refusal is not None:
                    self._answer_at_once(refusal)
                    return
        super().on_headers_complete()
        if self._is_stopping:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, or pass it over if the request was refused."""
        if self.cycle is not _REFUSED:
            super().on_body(body)
            return
        self._passed_over_bytes += len(body)
        if self._passed_over_bytes > _MOST_PASSED_OVER_BYTES:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Go on to the next request.

        This one counts as done from here on. Its task ends a turn of the event loop later, and by then its client may
        have sent the next and be refused for nothing.
        """
        self.tasks.discard(asyncio.current_task())
        super().on_response_complete()

    def on_message_complete(self) -> None:
        """Note the end of a request."""
        if self.cycle is not _REFUSED:
            super().on_message_complete()
        elif self._is_last:
            self.transport.close()  # not sooner: bytes that nobody reads would cost the client its answer

    def shutdown(self) -> None:
        """Close the connection after one more answer, or when there was time enough to ask for it."""
        self._is_stopping = True
        if self._is_idle():
            self.loop.call_later(_LAST_SECONDS, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def _answer_at_once(self, refusal: bytes) -> None:
        """Answer a request whose body, if it has one, is still to come.

        A client that waits for leave to send its body may send it now, or not. Nobody could tell which, so its
        connection cannot be used again.
        """
        self.cycle = _REFUSED
        self._passed_over_bytes = 0
        self._is_last = (
            self._is_stopping
            or self.expect_100_continue
            or not self.parser.should_keep_alive()
            or self.parser.get_http_version() == "1.0"  # as uvicorn has it
        )
        if self._is_last or self.parser.get_method() == b"HEAD":
            head, _, body = refusal.partition(_HEAD_END)
            head += b"\r\nconnection: close" if self._is_last else b""
            refusal = head + _HEAD_END + (b"" if self.parser.get_method() == b"HEAD" else body)
        self.transport.write_whole(refusal)  # type: ignore[attr-defined]  # it is ours, see connection_made

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete


class _HeadKeepingTransport:
    """Everything but `write` and `close` is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._flush)  # for a response without a body, or one whose body takes its time
            return
        self._transport.write(data)

    def write_whole(self, response: bytes) -> None:
        """Write a response that has its body with it."""
        self._flush()
        self._transport.write(response)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            data, self._head = self._head, b""
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the transport has
        return getattr(self._transport, name)
