"""uvicorn's HTTP protocol, with one write for each response, and with a last answer for every connection.

uvicorn writes the head of a response and its body one after the other, and a write is the dearest thing the gateway
does: a system call, and a client woken for a head that it can do nothing with.

When the process stops, uvicorn closes at once the connections on which no request is under way. A request that is just
arriving on one of them is never answered, and its client cannot know whether it was done. So they are left open for a
moment, and the next request on each is answered, with `Connection: close`.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1.1 "
_UNREADABLE_BODY = (
    b'{"type":"urn:onhand:problem:bad-request","title":"Bad request","status":400,'
    b'"detail":"This is no HTTP request, or has a method that HTTP does not know."}'
)
_UNREADABLE = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_UNREADABLE_BODY), _UNREADABLE_BODY)
)
_LAST_SECONDS = 0.5
"""How long a client that uses its connection again and again has to do so once more when the process stops."""


class Connection(Protocol):
    """What an application that answers for long has to know of the connection; its scope has it as `CONNECTION`.

    Attributes:
        when_lost: is called when it is lost.
    """

    when_lost: Callable[[], None] | None

    @property
    def is_lost(self) -> bool:
        """Whether nobody reads what is sent any more."""

    def write_now(self, piece: bytes) -> bool:
        """Send a piece of the answer that is under way, past the application; returns whether that can be done.

        It cannot while the client reads too slowly. Nothing else of the answer may be on its way meanwhile. What of the
        piece cannot be sent yet is kept without a copy: it may be on its way to many.
        """

    def abort(self) -> None:
        """Close it now, whatever was not sent yet: who does not read would keep it open for long."""


CONNECTION = "onhand.connection"


class HttpProtocol(HttpToolsProtocol):
    """Sends what uvicorn writes through a transport that keeps a response's head until its body comes."""

    _is_stopping = False
    when_lost: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn's own
        """Begin with a new connection."""
        super().connection_made(_HeadKeepingTransport(transport, self.loop))  # type: ignore[arg-type]  # it stands in for one

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who answers for long."""
        super().connection_lost(exc)
        if self.when_lost is not None:
            self.when_lost()
            self.when_lost = None
        if self.scope is not None:
            self.scope.pop(CONNECTION, None)  # type: ignore[misc]  # it is ours; garbage is collected rarely

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn says what it says of everything
        """Answer what the parser cannot read, as a problem (RFC 9457) like all else, and close the connection."""
        self.transport.write(_UNREADABLE)
        self.transport.close()

    def on_message_begin(self) -> None:
        """Note that a request has begun to arrive."""
        super().on_message_begin()
        self.scope[CONNECTION] = self  # type: ignore[literal-required]  # ours

    @property
    def is_lost(self) -> bool:
        """Whether nobody reads what is sent any more."""
        return self.transport.is_closing()

    def write_now(self, piece: bytes) -> bool:
        """Send a piece of the answer that is under way, past the application; returns whether that can be done."""
        if self.flow.write_paused or self.is_lost or not self.cycle.chunked_encoding:
            return False
        self.transport.writelines((b"%x\r\n" % len(piece), piece, b"\r\n"))
        return True

    def abort(self) -> None:
        """Close the connection now, whatever was not sent yet."""
        self.transport.abort()

    def on_headers_complete(self) -> None:
        """Begin with a request."""
        super().on_headers_complete()
        if self._is_stopping:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection after one more answer, or when there was time enough to ask for it."""
        self._is_stopping = True
        if self._is_idle():
            self.loop.call_later(_LAST_SECONDS, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()

    def _write_whole(self, response: bytes) -> None:
        """Write a response that has its body with it."""
        self.transport.write_whole(response)  # type: ignore[attr-defined]  # it is ours, see connection_made

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete


class _HeadKeepingTransport:
    """Everything but writing and closing is the transport's own.

    What is the transport's own is named one by one: of a class with `__getattr__` Python looks up every attribute the
    slow way, and this one is in the way of every answer.
    """

    __slots__ = ("_head", "_loop", "_transport")

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
        if self._head:
            self._flush()
        self._transport.write(response)

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self._flush()
        self._transport.writelines(pieces)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  # whatever the transport knows
        return self._transport.get_extra_info(name, default)

    def _flush(self) -> None:
        if self._head:
            data, self._head = self._head, b""
            self._transport.write(data)
