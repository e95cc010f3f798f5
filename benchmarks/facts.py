"""On what, and how safely, was measured: asked of the servers themselves."""

import os
import platform
import shlex
import sys
from datetime import UTC, datetime

from redis.asyncio import Redis

from benchmarks.basket import ONE_PRODUCT
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
        aof = {name: (await redis.config_get(name)).get(name, "?") for name in ("appendonly", "appendfsync")}
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


async def facts_at(redis_url: str, postgres_url: str) -> dict[str, str]:
    """The same where no books are open.

    Raises:
        StartupError: PostgreSQL cannot be reached.
    """
    ledger = await open_ledger(postgres_url, postgres_url, ONE_PRODUCT)
    try:
        return await facts(redis_url, ledger)
    finally:
        await ledger.close()
