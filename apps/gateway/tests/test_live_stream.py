"""Who has missed something is told it page by page, as long as it reads."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from onhand.common.messaging.request_reply import Requests
from onhand.common.messaging.streams import Streams
from onhand.gateway.live import stream
from onhand.gateway.live.feed import BEGINNING, Interest, Page
from onhand.gateway.live.hub import Live
from onhand.gateway.live.stream import Start, stream_events

MORE = Page([], BEGINNING, has_more=True, is_unfinished=False)


class Client:
    """Stands in for a connection."""

    def __init__(self) -> None:
        self.is_lost = False
        self.when_lost: Callable[[], None] | None = None
        self.aborted = asyncio.Event()

    def write_now(self, _: bytes) -> bool:
        return False

    def abort(self) -> None:
        self.is_lost = True
        self.aborted.set()


async def read_more(_: str) -> Page:
    return MORE


@pytest.fixture
def live() -> Live:
    return Live(cast("Requests", None), cast("Streams", SimpleNamespace(partitions=0)), most=1)


async def test_who_does_not_read_what_it_has_missed_is_dropped(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_PATIENCE_SECONDS", 0.01)
    client = Client()
    pieces = stream_events(live, Start(Interest(), BEGINNING, MORE), read_more, client)
    hello = await anext(pieces)
    await anext(pieces)
    async with asyncio.timeout(10):
        await client.aborted.wait()  # while it would still be writing
    assert hello.startswith(b"retry:")
    assert [piece async for piece in pieces] == []
    assert live.streaming == 0


async def test_who_reads_what_it_has_missed_has_time_for_each_page(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_PATIENCE_SECONDS", 0.01)
    client = Client()
    pieces = stream_events(live, Start(Interest(), BEGINNING, MORE), read_more, client)
    for _ in range(100):
        await anext(pieces)
    await pieces.aclose()
    await asyncio.sleep(0.05)  # a timer that is left would strike
    assert not client.aborted.is_set()


async def test_who_is_being_told_what_it_has_missed_is_let_go_when_the_gateway_stops(live: Live) -> None:
    pieces = stream_events(live, Start(Interest(), BEGINNING, MORE), read_more, Client())
    for _ in range(3):
        await anext(pieces)
    live.close()
    assert [piece async for piece in pieces] == []
