"""FastAPI with SQLAlchemy: as services over FastStream, with or without outbox, and as a monolith. See `fastapi/`."""

import os
import subprocess
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import asyncpg
import httpx
from redis import Redis
from redis.exceptions import ResponseError

from benchmarks.basket import CUSTOMER, ONE_PRODUCT
from benchmarks.durability import ask_redis, find_risks
from benchmarks.ledger import Books, Ledger, connect_reader
from benchmarks.peers import installing
from benchmarks.peers.running import Host, host, make_database, takes_orders
from benchmarks.rest import wait_for_rest
from onhand.cli.programs import Program

_SOURCES = installing.HERE / "fastapi"
_ON_HAND = 2**31 - 1
_MONOLITH_WORKERS = os.cpu_count() or 1
"""As many as there are cores, as the documentation of FastAPI and uvicorn has it."""


class PeerShop(Ledger):
    """A running peer that stores: its tables are named as ours are, and simpler.

    Attributes:
        url: where it takes orders.
        pids: of its components.
    """

    def __init__(self, its: Host, orders: Any, inventory: Any, inventory_url: str) -> None:  # noqa: ANN401
        super().__init__(orders, inventory, ONE_PRODUCT)
        self.url: str = its.url
        self.pids: Mapping[str, int] = its.pids
        self._redis_url = its.servers.redis_url if "redis" in its.pids else None
        self._inventory_url = inventory_url

    async def books(self) -> Books:
        """Count everything."""
        statuses = await self._orders.fetch(
            """
            SELECT status, count(*) AS orders, sum(quantity) AS units
            FROM orders WHERE customer_id = $1 GROUP BY status
            """,
            CUSTOMER,
        )
        return Books(
            statuses={row["status"]: row["orders"] for row in statuses},
            confirmed_units=sum(int(row["units"]) for row in statuses if row["status"] == "confirmed"),
            reserved_units=int(await self._inventory.fetchval("SELECT sum(on_hand - available) FROM stock")),
        )

    async def errors(self) -> Counter[int]:
        """It does not count them; the load generator does."""
        return Counter()

    async def settled_after(self, limit_seconds: float, ended: float) -> float | None:
        """Wait until all streams are read and no order is pending; of the monolith, until no transaction is open."""
        if self._redis_url:
            if not await self._is_answered(limit_seconds):
                return None
            await wait_for_rest(self._redis_url, limit_seconds)
        return await super().settled_after(limit_seconds, ended)

    async def _is_answered(self, limit_seconds: float) -> bool:
        """Ask the gateway for anything: what came before has been read when that is answered, and is on its way."""
        async with httpx.AsyncClient(timeout=limit_seconds, trust_env=False) as client:
            with suppress(httpx.HTTPError):
                await client.get(self.url)
                return True
        return False

    async def is_busy(self) -> bool:
        """Whether anything is under way. Requests of clients that are gone are still handled, and leave no mark."""
        if self._redis_url:
            return bool(await self._orders.fetchval("SELECT EXISTS (SELECT FROM orders WHERE status = 'pending')"))
        others = "datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        return bool(
            await self._orders.fetchval(
                f"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {others} AND state <> 'idle')"  # noqa: S608
            )
        )

    async def shelve(self, units: int) -> None:
        """See to it that so many units of the product can be had."""
        (product,) = self.basket.products
        statement = "UPDATE stock SET on_hand = on_hand - available + $2, available = $2 WHERE product_id = $1"
        await _write(self._inventory_url, statement, product, units)

    async def risks(self) -> list[str]:
        """Ask its databases, and its Redis if it has one."""
        of_redis = find_risks("Redis", await ask_redis(self._redis_url)) if self._redis_url else []
        return [*await super().risks(), *of_redis]

    async def verify(self) -> list[str]:
        """Look whether more was sold than there was."""
        below = await self._inventory.fetchval("SELECT count(*) FROM stock WHERE available < 0")
        return [f"{below} products were sold more often than they were there"] * bool(below)


def missing() -> str | None:
    """Install what it needs; it runs wherever we do."""
    installing.python()
    return None


@asynccontextmanager
async def _services(outbox: str) -> AsyncGenerator[PeerShop]:
    with host(has_redis=True, has_postgres=True) as its:
        urls = {name: await _make_tables(its, name) for name in ("orders", "inventory")}
        environment = {"OUTBOX": outbox, "REDIS_URL": its.servers.redis_url}
        awaited = {"inventory": "orders.events", "orders": "inventory.events"}
        services = [
            _program(
                name,
                (f"{name}.py",),
                environment | {"DATABASE_URL": _for_sqlalchemy(urls[name])},
                partial(_is_read, its.servers.redis_url, stream, name),
            )
            for name, stream in awaited.items()
        ]
        with its.run([*services, _http(its, "gateway", 1, environment)]):
            async with _opened(its, urls["orders"], urls["inventory"]) as shop:
                yield shop


faststream = partial(_services, "")
faststream_outbox = partial(_services, "1")


@asynccontextmanager
async def monolith() -> AsyncGenerator[PeerShop]:
    """Start the monolith, with PostgreSQL alone."""
    with host(has_redis=False, has_postgres=True) as its:
        url = await _make_tables(its, "monolith")
        with its.run([_http(its, "monolith", _MONOLITH_WORKERS, {"DATABASE_URL": _for_sqlalchemy(url)})]):
            async with _opened(its, url, url) as shop:
                yield shop


@asynccontextmanager
async def _opened(its: Host, orders_url: str, inventory_url: str) -> AsyncGenerator[PeerShop]:
    shop = PeerShop(
        its, await connect_reader("orders", orders_url), await connect_reader("stock", inventory_url), inventory_url
    )
    try:
        yield shop
    finally:
        await shop.close()


async def _make_tables(its: Host, database: str) -> str:
    url = await make_database(its.servers, database)
    environment = os.environ | {"DATABASE_URL": _for_sqlalchemy(url)}
    subprocess.run([installing.python(), _SOURCES / "tables.py"], env=environment, check=True)  # noqa: S603, ASYNC221  # before anything runs
    await _write(url, "INSERT INTO stock VALUES ($1, $2, $2)", ONE_PRODUCT.products[0], _ON_HAND)
    return url


async def _write(url: str, statement: str, *arguments: object) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


def _http(its: Host, name: str, workers: int, environment: Mapping[str, str]) -> Program:
    options = ("--host", "127.0.0.1", "--port", str(its.port), "--loop", "uvloop", "--http", "httptools")
    quiet = ("--no-access-log", "--log-level", "warning")
    command = ("-m", "uvicorn", f"{name}:app", "--workers", str(workers), *options, *quiet)
    return _program(name, command, environment, takes_orders(its.port))


def _program(name: str, arguments: tuple[str, ...], environment: Mapping[str, str], is_ready: Any) -> Program:  # noqa: ANN401
    if arguments[0].endswith(".py"):
        arguments = (str(_SOURCES / arguments[0]),)
    return Program(
        name=name,
        command=(str(installing.python()), *arguments),
        is_ready=is_ready,
        address=name,
        environment={"PYTHONPATH": str(_SOURCES), "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )


def _is_read(redis_url: str, stream: str, group: str) -> bool:
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        try:
            return any(it["name"] == group for it in redis.xinfo_groups(stream))
        except ResponseError:  # there is no such stream yet
            return False


def _for_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)
