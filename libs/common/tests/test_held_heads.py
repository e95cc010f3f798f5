"""Requests that are held until their bodies come, as a client's socket sees it."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
from serving import Client, connect, serving

from onhand.common.plain_requests import PlainRequest
from onhand.common.shortcuts import Answer, Shortcut, ShortcutProtocol, Whole

NO = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\nno"


class Echo:
    """Answers with what it was sent, or refuses while it is full."""

    is_full = False

    def refuse(self, _: bytes, __: bytes, ___: int) -> bytes | None:
        return NO if self.is_full else None

    def take(self, request: PlainRequest, answer: Answer) -> "asyncio.Future[None]":
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.add_done_callback(lambda _: answer(Whole(201, b"", request.body)))
        done.set_result(None)
        return done


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def client(echo: Echo) -> AsyncIterator[Client]:
    protocol = partial(ShortcutProtocol, Shortcut(b"POST", b"/", echo.take), echo.refuse)
    async with serving(None, protocol) as server:
        client = await connect(server)
        yield client
        client.writer.close()


def head(length: int) -> bytes:
    return b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % length


async def send_apart(client: Client, *pieces: bytes) -> None:
    for piece in pieces:
        await client.send(piece)
        await asyncio.sleep(0.05)  # so that they are read one by one


async def test_a_body_that_looks_like_a_request_is_the_body_of_its_head(client: Client) -> None:
    body = head(2) + b"{}"
    await send_apart(client, head(len(body)), body)
    assert (await client.until(body)).startswith(b"HTTP/1.1 201 ")


async def test_of_a_refused_head_nothing_is_left_for_the_next_request(client: Client, echo: Echo) -> None:
    echo.is_full = True
    body = head(2) + b"{}"
    await send_apart(client, head(len(body)), body)
    assert await client.until(b"no") == NO
    echo.is_full = False
    for body in (b"one", b"two"):
        await client.send(head(3) + body)
        assert (await client.until(body)).startswith(b"HTTP/1.1 201 ")
