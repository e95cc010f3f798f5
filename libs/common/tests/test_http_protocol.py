"""Responses as a client's socket gets them."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import falcon.asgi
import pytest
import uvicorn
import uvloop
from serving import serving

from onhand.common.http_protocol import CONNECTION, Connection, HttpProtocol


class Resource:
    """Answers with a body, without one, and in parts."""

    async def on_get(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        response.text = "body"

    async def on_head(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        response.content_length = 4

    async def on_delete(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        response.status = 204

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        response.text = (await request.stream.read()).decode()

    async def on_get_parts(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            await asyncio.sleep(0.02)
            yield b"two"

        response.stream = parts()


def serving_one(resource: object) -> AbstractAsyncContextManager[uvicorn.Server]:
    """Serve for the length of the block."""
    app: falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response] = falcon.asgi.App()
    app.add_route("/", resource)
    app.add_route("/parts", resource, suffix="parts")
    return serving(app, HttpProtocol, rest_seconds=5)


def port_of(server: uvicorn.Server) -> int:
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


@pytest.fixture
async def server() -> AsyncIterator[uvicorn.Server]:
    async with serving_one(Resource()) as server:
        yield server


@pytest.fixture
def port(server: uvicorn.Server) -> int:
    return port_of(server)


async def ask(port: int, request: bytes, end: bytes) -> list[bytes]:
    """Send bytes and receive what comes, piece by piece as it arrives, up to an end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    pieces: list[bytes] = []
    async with asyncio.timeout(5):
        while not b"".join(pieces).endswith(end):
            pieces.append(await reader.read(65536))
            assert pieces[-1], pieces
    writer.close()
    return pieces


async def test_a_response_arrives_in_one_piece(port: int) -> None:
    assert len(await ask(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"\r\n\r\nbody")) == 1


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", b"200 OK"), (b"DELETE", b"204 No Content")])
async def test_a_response_without_a_body_arrives(port: int, method: bytes, status: bytes) -> None:
    pieces = await ask(port, method + b" / HTTP/1.1\r\nhost: a\r\n\r\n", b"\r\n\r\n")
    assert b"".join(pieces).startswith(b"HTTP/1.1 " + status)


async def test_a_response_in_parts_arrives(port: int) -> None:
    answer = b"".join(await ask(port, b"GET /parts HTTP/1.1\r\nhost: a\r\n\r\n", b"0\r\n\r\n"))
    assert answer.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


class Streaming:
    """Answers with streams that go on for long, and keeps the connections of those who read them."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.is_over = asyncio.Event()

    async def on_get_parts(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b"begun"
            self.connections.append(request.scope[CONNECTION])
            await self.is_over.wait()

        response.stream = parts()


def test_what_many_are_sent_past_the_application_is_copied_for_none_of_them() -> None:
    uvloop.run(send_to_many(3, bytes(8 << 20)))


async def send_to_many(many: int, piece: bytes) -> None:
    streaming = Streaming()
    async with serving_one(streaming) as server, asyncio.timeout(30):
        clients = [await asyncio.open_connection("127.0.0.1", port_of(server)) for _ in range(many)]
        for reader, writer in clients:
            writer.write(b"GET /parts HTTP/1.1\r\nhost: a\r\n\r\n")
            await reader.readuntil(b"begun\r\n")
        tracemalloc.start()
        are_taken = [connection.write_now(it) for it in (piece, b"more") for connection in streaming.connections]
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        streaming.is_over.set()
        sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(piece), piece)
        for reader, writer in clients:
            assert await reader.readexactly(len(sent)) == sent
            writer.close()
    assert are_taken == [True] * many + [False] * many  # nobody has read until then
    assert most < len(piece) / 10


async def test_who_closes_after_the_answer_still_gets_it(port: int) -> None:
    pieces = await ask(port, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", b"\r\n\r\nbody")
    assert b"connection: close" in pieces[0]


async def test_who_waits_for_leave_to_send_a_body_gets_it(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
    async with asyncio.timeout(5):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 OK")
    writer.close()


async def test_two_requests_sent_at_once_get_both_answers_in_order(port: int) -> None:
    request = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n"
    answer = b"".join(await ask(port, request + b"1" + request + b"2", b"\r\n\r\n2"))
    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_a_request_that_comes_when_the_server_stops_is_the_last_on_its_connection_and_is_answered(
    port: int, server: uvicorn.Server
) -> None:
    request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(5):
        writer.write(request)
        assert b"connection: close" not in await reader.readuntil(b"\r\n\r\nbody")
        server.should_exit = True
        while server.servers[0].is_serving():  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.01)
        writer.write(request)
        assert b"connection: close" in await reader.readuntil(b"\r\n\r\nbody")
        assert await reader.read() == b""
    writer.close()


async def test_a_connection_on_which_nothing_comes_when_the_server_stops_is_closed(
    port: int, server: uvicorn.Server
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    server.should_exit = True
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
