"""Refusals of HTTP requests before anything is paid for them.

Under a load several times of what can be carried most requests are refused, and what a refusal costs is taken from the
requests that are not. So whoever serves may refuse a request as soon as its head is read, with bytes made beforehand:
no task is made and no application asked, and not even the parser where a request is likely to come in plain form: after
a refusal, above all.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from onhand.common.http_protocol import HttpProtocol
from onhand.common.plain_requests import PlainHead, head_of_plain

Refuse = Callable[[bytes, bytes, int], bytes | None]
"""Takes method and target of a request, as they were sent, and how many requests are under way in this process. Returns
None to let it in, or what to answer instead: a whole response, with Content-Length, that leaves the connection open."""

_HEAD_END = b"\r\n\r\n"
_MOST_PASSED_OVER_BYTES = 256 * 1024
"""Of the body of a refused request, which is read for nothing. Who sends more is cut off."""


class StandIn:
    """Stands in the place of a request of uvicorn's that is under way, or has its answer."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")
    chunked_encoding = False
    message_event = asyncio.Event()  # uvicorn sets it when the connection is lost; nobody waits for it

    def __init__(self, *, response_complete: bool = False) -> None:
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = response_complete


REFUSED: Any = StandIn(response_complete=True)
"""Of every connection whose last request was refused."""


class RefusingProtocol(HttpProtocol):
    """Asks somebody about every request that is not behind another one on its connection, before it is begun.

    Args:
        refuse: is asked.
        uvicorn: what uvicorn gives to a protocol.
    """

    # Beside uvicorn's own attributes, which are few enough for Python to keep them without a dictionary.
    __slots__ = ("_is_at_rest", "_is_between_requests", "_is_last", "_passed_over_bytes", "_refuse", "_rests_since")

    def __init__(self, refuse: Refuse, **uvicorn: Any) -> None:  # noqa: ANN401  # uvicorn's own business
        super().__init__(**uvicorn)
        self._refuse = refuse
        self._is_between_requests = True
        self._is_last = False
        # While this is set the clock of the connection runs, nothing of a request has come, and it is neither to end
        # nor to wait. So what comes next may be looked at as one plain request.
        self._is_at_rest = False
        self._passed_over_bytes = 0
        self._rests_since = 0.0

    def data_received(self, data: bytes) -> None:
        """Take what has arrived.

        Most clients send one plain request after the other. Such a one is refused here, if it is too much: under an
        overload most are, and each call that is made for one is taken from the orders. What is let in is asked about
        again if it goes to the parser.
        """
        head = None
        if self._is_at_rest or self._expects_plain(data):
            head = head_of_plain(data)
            if head is not None:
                refuse = self._refuse  # a call of what is no method is slow if it looks like one
                refusal = refuse(head.method, head.target, len(self.tasks))
                if refusal is not None:
                    self.cycle = REFUSED
                    self._write_whole(refusal)
                    if self._is_at_rest:
                        self._rests_since = self.loop.time()
                    else:
                        self._rest()
                    return
            self._is_at_rest = False
        self._take_in(data, head)

    def pause_writing(self) -> None:
        """Let a client wait that does not read what it is answered."""
        self._is_at_rest = False
        super().pause_writing()

    def shutdown(self) -> None:
        """Close the connection after one more answer."""
        self._is_at_rest = False
        super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection, unless it was in use since the clock was set."""
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if left > 0 or not self._is_idle():
            self._close_after(left if left > 0 else self.timeout_keep_alive / 2)
        else:
            super().timeout_keep_alive_handler()

    def on_message_begin(self) -> None:
        """Note that a request has begun to arrive."""
        self._is_between_requests = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin with a request, or be done with it."""
        if self._is_idle():
            if self._is_last:  # the client was told so, and does not expect an answer
                return
            # While a client does not read, its answers pile up here. uvicorn makes such a client wait.
            if not self.flow.write_paused:
                refusal = self._refuse(self.parser.get_method(), self.url, len(self.tasks))
                if refusal is not None:
                    self._answer_at_once(refusal)
                    return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, or pass it over if the request was refused."""
        if self.cycle is not REFUSED:
            super().on_body(body)
            return
        self._passed_over_bytes += len(body)
        if self._passed_over_bytes > _MOST_PASSED_OVER_BYTES:
            self.transport.close()

    def on_message_complete(self) -> None:
        """Note the end of a request."""
        self._is_between_requests = True
        if self.cycle is not REFUSED:
            super().on_message_complete()
        elif self._is_last:
            self.transport.close()  # not sooner: bytes that nobody reads would cost the client its answer

    def on_response_complete(self) -> None:
        """Go on to the next request.

        This one counts as done from here on. Its task ends a turn of the event loop later, and by then its client may
        have sent the next and be refused for nothing.
        """
        self.tasks.discard(asyncio.current_task())
        super().on_response_complete()

    def _take_in(self, data: bytes, head: PlainHead | None) -> None:  # noqa: ARG002  # others look at it
        """Take what has arrived and is not refused yet.

        Args:
            data: what has arrived.
            head: of the one plain request that it is, if that is known; it is let in.
        """
        super().data_received(data)
        if self.cycle is REFUSED and self.timeout_keep_alive_task is None:
            # uvicorn begins to count when it has answered. Here the rest of a body, too, has to come within that time.
            self._close_after(self.timeout_keep_alive)

    def _expects_plain(self, data: bytes) -> bool:  # noqa: ARG002  # others look at it
        """Whether it is worth while to look for a request in plain form."""
        return self.cycle is REFUSED and self._may_begin()

    def _may_begin(self) -> bool:
        """Whether what comes next is a request, and neither behind another one nor the last of its connection.

        While a client does not read, its answers pile up here. uvicorn makes such a client wait.
        """
        return (
            self._is_between_requests
            and self._is_idle()
            and not (self._is_last or self._is_stopping or self.flow.write_paused)
        )

    def _rest(self) -> None:
        """Wait for the next request, likely to be as plain as this one; close the connection if none comes for long."""
        self._is_at_rest = self._may_begin()
        self._rests_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._close_after(self.timeout_keep_alive)

    def _answer_at_once(self, refusal: bytes) -> None:
        """Answer a request whose body, if it has one, is still to come.

        A client that waits for leave to send its body may send it now, or not. Nobody could tell which, so its
        connection cannot be used again.
        """
        self.cycle = REFUSED
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
        self._write_whole(refusal)

    def _close_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
