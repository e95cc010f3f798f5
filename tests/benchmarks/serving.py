"""A server for load generators to be tried on."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def serving(answer: Callable[[int], Awaitable[bytes | None]], end: bytes = b"}") -> AsyncGenerator[str]:
    """Serve for the length of the block; gives the URL.

    Args:
        answer: says of a request, by its number from 1 on, status and headers of the answer; None ends the connection,
            and b"" is no answer.
        end: of every request, and nowhere else in it.
    """
    seen = 0
    answering: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        if task := asyncio.current_task():
            answering.add(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(end):
                seen += 1
                head = await answer(seen)
                if head is None:
                    break
                if head:
                    writer.write(b"HTTP/1.1 " + head + b"\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.wait(answering, timeout=5)
