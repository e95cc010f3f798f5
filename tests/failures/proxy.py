"""A TCP proxy that stands between services and a server, and does to their connections what bad networks do.

It knows the protocol well enough to lose exactly the reply to one command: the command is carried out, and who sent it
never learns of it.
"""

import asyncio
import math
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from tests.failures.wire import Protocol, Side, postgres_protocol, redis_protocol

_CHUNK = 1 << 16
_FLUSH_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What happens to the connections through a proxy. Rates are from 0 to 1.

    Attributes:
        lose: for names of commands, how often their reply never arrives.
        silence: how often a connection that lost a reply stays open and says nothing more; else it is cut.
        tear: how often a message, either way, comes only half through before the connection is cut.
        at_most: so many replies are lost, and no more.
        latency_seconds: by how much everything is late, each way.
        farewell_seconds: how long after its last word the server's end of a connection comes through.
        seed: of the chance by which it happens.
    """

    lose: Mapping[str, float] = field(default_factory=dict)
    silence: float = 0.0
    tear: float = 0.0
    at_most: float = math.inf
    latency_seconds: float = 0.0
    farewell_seconds: float = 0.0
    seed: int = 0


class _Cut(Exception):
    """The connection ends here."""


class Proxy:
    """Passes connections on to one server. Made by `running_proxy`.

    Attributes:
        url: leads through the proxy to where the server's own URL leads.
        done: what was done so far: `lost COMMIT`, `silent COMMIT`, `torn request`, `torn reply`.
        failures: what the proxy itself failed at; nothing it did can be relied upon then.
    """

    def __init__(self, server_url: str) -> None:
        self.url = ""
        self.done: Counter[str] = Counter()
        self.failures: list[BaseException] = []
        self._server_url = server_url
        self._protocol: Protocol = postgres_protocol if server_url.startswith("postgres") else redis_protocol
        self._faults = Faults()
        self._lost = 0
        self._random = random.Random()  # noqa: S311  # repeatable, protects nothing
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._silent: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen on a free port of this machine."""
        self._loop = asyncio.get_running_loop()
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = _url_through(self._listener.sockets[0].getsockname()[1], self._server_url)

    async def stop(self) -> None:
        """Cut every connection and take no more."""
        self._listener.close()
        # All of the loop's tasks, because one of asyncio's own may be about to hand over a connection it has accepted.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for connection, writer in self._connections.items():
                connection.cancel()
                writer.close()  # here, because what is cancelled before it has begun does nothing
            await asyncio.wait(others)

    def use(self, faults: Faults) -> None:
        """Let these faults happen from now on, and cut what had gone silent. To be called from any thread."""
        self._faults, self._lost = faults, 0
        self._random.seed(faults.seed)
        self._loop.call_soon_threadsafe(self._cut_silent)

    def heal(self) -> None:
        """Let nothing more happen."""
        self.use(Faults())

    def _cut_silent(self) -> None:
        for to_client in self._silent:
            to_client.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections[connection] = writer
        connection.add_done_callback(self._connections.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.CancelledError):  # the server is away, or the proxy stops
                await self._connect(reader, writer)
        finally:
            await _close(writer)

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await _open(self._server_url)
        try:
            await self._carry(client, to_client, server, to_server)
        finally:  # also if the proxy stops while this one ends
            await _close(to_server)

    async def _carry(
        self,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        requests, replies = self._protocol()
        ways = {
            asyncio.create_task(self._carry_requests(requests, client, to_server)),
            asyncio.create_task(self._carry_replies(replies, server, to_client)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for way in ways:
                way.cancel()
            ends = await asyncio.gather(*ways, return_exceptions=True)
            self.failures += [end for end in ends if isinstance(end, Exception) and not isinstance(end, _Cut | OSError)]

    async def _carry_requests(self, side: Side, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        async for data in self._read(client):
            for frame in side.feed(data):
                self._tear_perhaps("request", frame.raw, to_server)
                to_server.write(frame.raw)
            await to_server.drain()
        to_server.write(side.rest)
        to_server.write_eof()  # the server may still have something to say

    async def _carry_replies(self, side: Side, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        async for data in self._read(server):
            for frame in side.feed(data):
                if self._lost < self._faults.at_most and self._happens(self._faults.lose.get(frame.name, 0)):
                    await self._lose(frame.name, server, to_client)
                self._tear_perhaps("reply", frame.raw, to_client)
                to_client.write(frame.raw)
            await to_client.drain()
        to_client.write(side.rest)
        await asyncio.sleep(self._faults.farewell_seconds)
        raise _Cut

    async def _read(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        with suppress(ConnectionError):  # who ends with a bang has ended all the same
            while data := await reader.read(_CHUNK):
                await asyncio.sleep(self._faults.latency_seconds)
                yield data

    async def _lose(self, name: str, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._lost += 1
        self.done[f"lost {name}"] += 1
        if self._happens(self._faults.silence):
            self.done[f"silent {name}"] += 1
            self._silent.add(to_client)
            try:
                while await server.read(_CHUNK):
                    """Let the server speak, to nobody."""
            finally:
                self._silent.discard(to_client)
        raise _Cut

    def _tear_perhaps(self, what: str, raw: bytes, writer: asyncio.StreamWriter) -> None:
        if len(raw) > 1 and self._happens(self._faults.tear):
            self.done[f"torn {what}"] += 1
            writer.write(raw[: self._random.randrange(1, len(raw))])
            raise _Cut

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate


@contextmanager
def running_proxy(server_url: str) -> Iterator[Proxy]:
    """Run a proxy in front of a Redis or PostgreSQL, in a thread of its own, for the length of the block.

    Raises:
        NotUnderstood: something went through that the proxy did not understand.
    """
    proxy = Proxy(server_url)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(proxy.start(), loop).result()
        try:
            yield proxy
        finally:
            asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    for failure in proxy.failures:
        raise failure


def _url_through(port: int, server_url: str) -> str:
    url = urlsplit(server_url)
    if url.scheme == "unix":
        return f"redis://127.0.0.1:{port}"
    user = url.netloc.rpartition("@")[0]
    # Whoever is not told tries to encrypt, and is refused: the servers behind speak plainly.
    query = "?sslmode=disable" if url.scheme.startswith("postgres") else ""
    return f"{url.scheme}://{user}{'@' if user else ''}127.0.0.1:{port}{url.path}{query}"


async def _open(server_url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = urlsplit(server_url)
    if url.scheme == "unix":
        return await asyncio.open_unix_connection(unquote(url.path))
    if directory := parse_qs(url.query).get("host"):
        port = parse_qs(url.query)["port"][0]
        return await asyncio.open_unix_connection(f"{directory[0]}/.s.PGSQL.{port}")
    return await asyncio.open_connection(url.hostname, url.port)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close after what is written has left, unless nobody takes it."""
    writer.close()
    try:
        async with asyncio.timeout(_FLUSH_SECONDS):
            await writer.wait_closed()
    except OSError:  # TimeoutError is one
        writer.transport.abort()
