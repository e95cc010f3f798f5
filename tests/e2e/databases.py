"""The databases of the services, read from outside, or made to be read only."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
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


def read_at_once(system: System, service: str, *queries: str) -> list[list[Any]]:
    """Ask the database of a service several things, as they are at one moment."""

    async def fetch() -> list[list[Any]]:
        connection = await asyncpg.connect(system.database_url(service))
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return [await connection.fetch(query) for query in queries]
        finally:
            await connection.close()

    return asyncio.run(fetch())


@contextmanager
def stores_nothing(system: System, service: str) -> Iterator[None]:
    """Let the database of a service answer questions and store nothing, for the length of the block."""

    async def execute(statement: str) -> None:
        settings = {"default_transaction_read_only": "off"}
        connection = await asyncpg.connect(system.database_url(service), server_settings=settings)
        try:
            await connection.execute(statement.format(database=await connection.fetchval("SELECT current_database()")))
            await connection.execute(  # what a setting of the database is holds for those who connect from now on
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        finally:
            await connection.close()

    asyncio.run(execute("ALTER DATABASE {database} SET default_transaction_read_only = on"))
    try:
        yield
    finally:
        asyncio.run(execute("ALTER DATABASE {database} RESET default_transaction_read_only"))
