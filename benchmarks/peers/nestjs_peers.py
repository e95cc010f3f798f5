"""NestJS: gateway, orders and inventory over its Redis transport, as the seed of this project has it. See `nestjs/`."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import httpx
from redis import Redis

from benchmarks.basket import ONE_PRODUCT, Basket
from benchmarks.ledger import Books
from benchmarks.peers import installing
from benchmarks.peers.running import Host, host, takes_orders
from benchmarks.requests import PATH
from onhand.cli.programs import Program

_ASK_SECONDS = 2.0
_PAUSE_SECONDS = 0.1


class NestShop(NamedTuple):
    """The running peer."""

    url: str
    pids: Mapping[str, int]
    basket: Basket = ONE_PRODUCT

    async def books(self) -> Books | None:
        """There are none."""
        return None

    async def errors(self) -> Counter[int]:
        """It does not count them; the load generator does."""
        return Counter()

    async def settled_after(self, limit_seconds: float, ended: float) -> float | None:
        """Wait until an order and a question get their answers: messages go in order, so all before them are done.

        They are asked again, because a reply may get lost: when the last of many clients has gone, the gateway stops
        listening to replies, and that may cross with the next request.
        """
        begun = time.monotonic()
        async with httpx.AsyncClient(base_url=self.url, timeout=_ASK_SECONDS, trust_env=False) as client:
            while time.monotonic() - begun < limit_seconds:
                with suppress(httpx.HTTPError):
                    order = {"Content-Type": "application/json"}
                    (await client.post(PATH, content=self.basket.bodies[0], headers=order)).raise_for_status()
                    (await client.get(f"/api/gateway/stock/{self.basket.products[0]}")).raise_for_status()
                    return time.monotonic() - ended
                await asyncio.sleep(_PAUSE_SECONDS)
        return None

    async def shelve(self, units: int) -> None:
        """Do nothing: it has a number in memory and takes nothing from it."""

    async def risks(self) -> list[str]:
        """It stores nothing that could get lost."""
        return []

    async def verify(self) -> list[str]:
        """Nothing was promised that could be looked for."""
        return []


def missing() -> str | None:
    """Why it cannot run here. Installs and compiles it."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            return f"needs {program}, which is not there"
    installing.nestjs()
    return None


@asynccontextmanager
async def _run(adapter: str) -> AsyncGenerator[NestShop]:
    with host(has_redis=True, has_postgres=False) as its, its.run(_programs(its, adapter)):
        yield NestShop(its.url, its.pids)


express = partial(_run, "express")
fastify = partial(_run, "fastify")


def _programs(its: Host, adapter: str) -> list[Program]:
    dist = installing.nestjs()
    environment = {
        "NODE_ENV": "production",
        "HTTP_ADAPTER": adapter,
        "PORT": str(its.port),
        "REDIS_SOCKET": unquote(urlsplit(its.servers.redis_url).path),
    }
    listens = {"inventory": "order.created", "orders": "create-order"}
    services = [
        Program(
            name=name,
            command=("node", str(dist / name / "main.js")),
            is_ready=partial(_is_heard, its.servers.redis_url, channel),
            address=channel,
            environment=environment,
        )
        for name, channel in listens.items()
    ]
    gateway = Program(
        name="gateway",
        command=("node", str(dist / "gateway" / "main.js")),
        is_ready=takes_orders(its.port),
        address=its.url,
        environment=environment,
    )
    return [*services, gateway]


def _is_heard(redis_url: str, channel: str) -> bool:
    with Redis.from_url(redis_url) as redis:
        return any(count for _, count in redis.pubsub_numsub(channel))
