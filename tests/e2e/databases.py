"""The databases of the services, read from outside."""

import asyncio
from typing import Any

import asyncpg

from tests.e2e.system import System


def read(system: System, service: str, query: str, *arguments: object) -> list[Any]:
    """Ask the database of a service."""

    async def fetch() -> list[Any]:
        connection = await asyncpg.connect(system.database_url(service))
        try:
            rows: list[Any] = await connection.fetch(query, *arguments)
            return rows
        finally:
            await connection.close()

    return asyncio.run(fetch())
