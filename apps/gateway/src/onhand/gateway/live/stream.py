"""A stream of events for one client (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import structlog

from onhand.common.errors import NoReply, Unavailable
from onhand.common.http_protocol import Connection
from onhand.gateway.live.feed import Interest, Page, at
from onhand.gateway.live.hub import Live
from onhand.gateway.live.listener import Listener

_HELLO = b"retry: 1000\n"
_HEARTBEAT = b": still here\n"
_PATIENCE_SECONDS = 30.0
"""How long a client may take to read a page of what it has missed."""
_log = structlog.get_logger()

ReadPage = Callable[[str], Awaitable[Page]]
"""Reads what comes after a place in the feed."""


class Start(NamedTuple):
    """What a client wants to hear of, from which position on, and the first page of what it has missed."""

    interest: Interest
    position: str
    page: Page


async def stream_events(live: Live, start: Start, read: ReadPage, connection: Connection) -> AsyncGenerator[bytes]:
    """Tell a client what it has missed, and then what happens, until it goes, is too slow, or the gateway stops.

    It says often how far it has come, so that a client that comes again says it, too.

    Args:
        live: tells what happens.
        start: where it begins.
        read: reads the next pages of what the client has missed.
        connection: that to the client.
    """
    interest, position, page = start
    live.streaming += 1
    try:
        yield _HELLO + at(position)
        while page.has_more:
            with _patience(connection):
                yield _events(page)
            if connection.is_lost or live.is_closed:
                return
            try:
                page = await read(page.next)
            except (Unavailable, NoReply):  # it comes again, and says how far it had come
                return
        listener = live.join(interest, page.next)
        if page.entries:
            listener.offer(_events(page))
        try:
            async for piece in _pieces(listener, connection, live.heartbeat_seconds):
                yield piece
        finally:
            live.leave(listener)
    finally:
        live.streaming -= 1


async def _pieces(listener: Listener, connection: Connection, heartbeat_seconds: float) -> AsyncGenerator[bytes]:
    listener.when_dropped, listener.write_now = partial(_drop, connection), connection.write_now
    connection.when_lost = listener.close
    while not connection.is_lost and (piece := await listener.take(heartbeat_seconds)) is not None:
        yield piece or _HEARTBEAT + at(listener.position)


@contextmanager
def _patience(connection: Connection) -> Iterator[None]:
    """Drop a client that takes longer than that to read what it is sent in the block."""
    timer = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, _drop, connection)
    try:
        yield
    finally:
        timer.cancel()


def _drop(connection: Connection) -> None:
    _log.warning("a listener is dropped: it does not read what it is sent")
    connection.abort()  # to close it would wait for the client to read, and for long


def _events(page: Page) -> bytes:
    """All entries of a page, or at least how far it came."""
    return b"".join([told.event for told in page.entries]) or at(page.next)
