"""Which Redis server holds what: one server has it all; in a Redis Cluster each master holds a share of the keys."""

import asyncio
import time
from typing import Any, NamedTuple, Protocol

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from onhand.common.redis_urls import servers_in

CONNECT_SECONDS = 5.0
_MOST_CONNECTIONS = 2000
"""Of a process to one server: a reader has one for as long as it reads, and there are some for each partition."""
_LOOK_SECONDS = 1.0
"""How old what is known of a cluster may be when a connection is taken."""
_TOLD_SECONDS = 1.0
"""How long one server of a cluster may take to tell of it, before another is asked."""


class Servers(Protocol):
    """The servers behind a URL."""

    async def pool(self, key: str) -> ConnectionPool:
        """The connections to the server that holds a key.

        Raises:
            RedisError, OSError: it cannot be told which one that is.
        """

    async def close(self) -> None:
        """Close all connections."""


def servers_at(url: str) -> Servers:
    """Make ready to connect.

    Args:
        url: `redis://host:6379/0`, `rediss://...`, `unix:///path`, or `redis+cluster://host:6379,host:6379` with some
            of the servers of a cluster; they tell of the others.

    Raises:
        ValueError: it is no such URL.
    """
    urls = servers_in(url)
    return _Cluster(urls) if "+cluster://" in url else _OneServer(urls[0])


def _options() -> dict[str, Any]:
    # No retries inside the client: they would hide whether a command was sent. Callers know what may be repeated.
    # No timeout of the socket either: the client would start a task for each write to watch it; `call` has one.
    return {
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "socket_timeout": None,
        "socket_connect_timeout": CONNECT_SECONDS,
        "max_connections": _MOST_CONNECTIONS,
    }


class _OneServer:
    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool.from_url(url, **_options())

    async def pool(self, key: str) -> ConnectionPool:  # noqa: ARG002  # it holds every key
        return self._pool

    async def close(self) -> None:
        await self._pool.disconnect()


class _Address(NamedTuple):
    host: str
    port: int


class _Share(NamedTuple):
    first_slot: int
    last_slot: int
    master: _Address


class _Cluster:
    """A Redis Cluster. Which master holds what is asked anew with every connection taken, at most once a second."""

    def __init__(self, urls: list[str]) -> None:
        seeds = [parse_url(url) for url in urls]
        self._addresses = [_Address(seed.pop("host", "localhost"), seed.pop("port", 6379)) for seed in seeds]
        self._options = {**seeds[0], **_options()}
        self._pools: dict[_Address, ConnectionPool] = {}
        self._shares: list[_Share] = []
        self._looked_at = 0.0

    async def pool(self, key: str) -> ConnectionPool:
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            self._shares = await self._ask_for_shares()
            self._looked_at = time.monotonic()
        slot = key_slot(key.encode())
        for share in self._shares:
            if share.first_slot <= slot <= share.last_slot:
                return self._pool_of(share.master)
        raise RedisConnectionError("no server of the cluster holds this partition")

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.disconnect()

    def _pool_of(self, address: _Address) -> ConnectionPool:
        if address not in self._pools:
            self._pools[address] = ConnectionPool(**self._options, host=address.host, port=address.port)
        return self._pools[address]

    async def _ask_for_shares(self) -> list[_Share]:
        """Ask one server after the other, until one answers.

        Raises:
            RedisConnectionError: none does.
        """
        for address in self._addresses:
            try:
                async with asyncio.timeout(_TOLD_SECONDS):
                    reply = await self._ask(address)
            except (RedisError, OSError):
                continue
            told = [_Address(server[0].decode() or address.host, server[1]) for part in reply for server in part[2:]]
            self._addresses = list(dict.fromkeys([*told, *self._addresses]))
            return [
                _Share(first, last, _Address(master[0].decode() or address.host, master[1]))
                for first, last, master, *_ in reply
            ]
        raise RedisConnectionError("no server of the cluster answers")

    async def _ask(self, address: _Address) -> list[Any]:
        pool = self._pool_of(address)
        connection = await pool.get_connection()
        try:
            await connection.send_command("CLUSTER", "SLOTS")
            reply: list[Any] = await connection.read_response()
            return reply
        finally:
            await pool.release(connection)
