"""Whether servers keep what they took when the power goes: a run on servers that do not has no figure."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from onhand.common.errors import OnhandError

_SAFE = {
    "fsync": ("on",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
    "full_page_writes": ("on",),
    "appendonly": ("yes",),
    "appendfsync": ("everysec", "always"),
}
"""What each setting may be: the first three are PostgreSQL's, the others are those of Redis."""
_UNTOLD = "?"


class NotDurable(OnhandError):
    """What is to be measured may lose what it has taken."""


def find_risks(server: str, settings: Mapping[str, str]) -> list[str]:
    """Say which settings of a server let it lose what it took, or are not told. Others may be anything.

    Args:
        server: its name, for people.
        settings: by name.
    """
    return [
        f"{server} does not tell {name}"
        if value == _UNTOLD
        else f"{server} runs with {name}={value}: what it took may be gone after a power failure"
        for name, value in settings.items()
        if value not in _SAFE.get(name, (value,))
    ]


async def ask_postgres(connection: Any) -> dict[str, str]:  # noqa: ANN401  # asyncpg ships no types
    """What PostgreSQL says of how safely it writes what comes to this database."""
    names = ["server_version", "fsync", "synchronous_commit", "full_page_writes", "min_wal_size"]
    return {name: await connection.fetchval("SELECT current_setting($1)", name) for name in names}


async def ask_redis(url: str) -> dict[str, str]:
    """What Redis says of how safely it writes."""
    told = dict.fromkeys(("appendonly", "appendfsync"), _UNTOLD)
    async with Redis.from_url(url, decode_responses=True) as redis:
        for name in told:
            with suppress(ResponseError):  # those who run it for others may forbid the question
                told[name] = (await redis.config_get(name)).get(name) or _UNTOLD
    return told
