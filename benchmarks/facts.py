"""On what, and how safely, was measured: asked of the servers themselves."""

import os
import platform
import shlex
import sys
from datetime import UTC, datetime

from redis.asyncio import Redis

from benchmarks.basket import ONE_PRODUCT
from benchmarks.durability import NotDurable, ask_redis, find_risks
from benchmarks.ledger import Ledger, open_ledger


def made() -> dict[str, str]:
    """When, and by which command, for whoever makes it again; where the report goes is left out."""
    words = iter(["python", *sys.orig_argv[1:]])
    kept = [word for word in words if word != "--json" or not next(words)]
    return {"date": datetime.now(UTC).date().isoformat(), "command": shlex.join(kept)}


async def facts(redis_url: str, ledger: Ledger) -> dict[str, str]:
    """Ask both servers, and look at the machine."""
    postgres = await ledger.settings()
    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        server = await redis.info("server")
    aof = await ask_redis(redis_url)
    product = "Valkey" if "valkey_version" in server else "Redis"
    return {
        **made(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "postgres": ", ".join(
            [f"PostgreSQL {postgres.pop('server_version')}", *(f"{name}={value}" for name, value in postgres.items())]
        ),
        "redis": ", ".join(
            [
                f"{product} {server.get('valkey_version', server['redis_version'])}",
                *(f"{name}={value}" for name, value in aof.items()),
            ]
        ),
    }


async def risks(redis_url: str, ledger: Ledger) -> list[str]:
    """Say what lets our servers lose what they took; empty if nothing does."""
    return [*await ledger.risks(), *find_risks("Redis", await ask_redis(redis_url))]


async def durable_facts(redis_url: str, ledger: Ledger) -> dict[str, str]:
    """The same, of servers that keep what they took: nothing is measured on others.

    Raises:
        NotDurable: they may lose it, or do not tell.
    """
    if found := await risks(redis_url, ledger):
        raise NotDurable("\n".join(f"NO FIGURE: {it}" for it in found))
    return await facts(redis_url, ledger)


async def facts_at(redis_url: str, postgres_url: str) -> dict[str, str]:
    """The same as `durable_facts` where no books are open.

    Raises:
        StartupError: PostgreSQL cannot be reached.
        NotDurable: as there.
    """
    ledger = await open_ledger(postgres_url, postgres_url, ONE_PRODUCT)
    try:
        return await durable_facts(redis_url, ledger)
    finally:
        await ledger.close()
