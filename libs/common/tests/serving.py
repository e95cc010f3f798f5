"""A server with one of our protocols, and a client's socket."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import uvicorn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

QUIET_SECONDS = 0.3
"""How long a connection may rest, unless a test says otherwise."""


@asynccontextmanager
async def serving(
    app: Any,  # noqa: ANN401  # as ASGI has them
    protocol: Callable[..., asyncio.Protocol],
    rest_seconds: float = QUIET_SECONDS,
) -> AsyncIterator[uvicorn.Server]:
    """Serve an application for the length of the block; connections may rest for so long."""
    config = uvicorn.Config(app, http=protocol, lifespan="off", ws="none", log_config=None)  # type: ignore[arg-type]  # it is called
    config.timeout_graceful_shutdown = 5
    config.timeout_keep_alive = rest_seconds  # type: ignore[assignment]  # whole seconds are too long for a test
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110  # uvicorn wakes nobody up
            await asyncio.sleep(0.01)
        try:
            yield server
        finally:
            server.should_exit = True
            await task


class Client(NamedTuple):
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until(self, end: bytes) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.readuntil(end)

    async def rest(self) -> bytes:
        """What comes until the other side closes."""
        async with asyncio.timeout(5):
            return await self.reader.read()


async def connect(server: uvicorn.Server) -> Client:
    """A new connection, over which little is on its way to a client that does not read."""
    connection = socket.socket(proto=socket.IPPROTO_TCP)  # so that asyncio sends each piece at once
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(server.servers[0].sockets[0].getsockname())
    return Client(*await asyncio.open_connection(sock=connection))
