"""A database for each test that is as good as new, and mostly not new: to make one takes 0.1 s, to empty one 0.01 s."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from onhand.cli.local import EmbeddedServers
from onhand.cli.migrations import migrate
from onhand.common.database import Database, open_database

# All that a test could change for good and not by adding rows. Whoever finds something new to change adds it here.
_SHAPE = """
    SELECT array_agg(thing ORDER BY thing) FROM (
        SELECT concat_ws(' ', oid, relname, relkind, relpersistence, reloptions::text) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', attrelid, attname, atttypid, attnotnull, atthasdef) FROM pg_attribute
            JOIN pg_class ON pg_class.oid = attrelid AND relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', oid, conname) FROM pg_constraint
        UNION ALL SELECT concat_ws(' ', oid, tgname, tgenabled) FROM pg_trigger
        UNION ALL SELECT concat_ws(' ', oid, proname) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(' ', setrole, setconfig::text) FROM pg_db_role_setting
            JOIN pg_database ON pg_database.oid = setdatabase AND datname = current_database()
    ) AS things (thing)
"""
_DISCONNECT_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_KEEP_FIRST_ROWS = """
    DO $$
    DECLARE name text;
    BEGIN
        CREATE SCHEMA first_rows;
        FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP
            EXECUTE format('CREATE TABLE first_rows.%1$I AS TABLE public.%1$I', name);
        END LOOP;
    END
    $$
"""
# TRUNCATE and not DELETE: what PostgreSQL plans depends on what was in a table once.
_RESTORE = """
    DO $$
    DECLARE
        name text;
        is_changed boolean;
        changed text[] := '{}';
    BEGIN
        FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'first_rows'::regnamespace LOOP
            EXECUTE format('SELECT EXISTS (TABLE public.%1$I EXCEPT TABLE first_rows.%1$I)
                OR EXISTS (TABLE first_rows.%1$I EXCEPT TABLE public.%1$I)', name) INTO is_changed;
            IF is_changed THEN changed := changed || format('public.%I', name); END IF;
        END LOOP;
        IF changed <> '{}' THEN EXECUTE 'TRUNCATE ' || array_to_string(changed, ',') || ' CASCADE'; END IF;
        FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'first_rows'::regnamespace LOOP
            EXECUTE format('SELECT EXISTS (TABLE first_rows.%1$I EXCEPT TABLE public.%1$I)', name) INTO is_changed;
            IF is_changed THEN EXECUTE format('INSERT INTO public.%1$I TABLE first_rows.%1$I', name); END IF;
        END LOOP;
        PERFORM setval(oid, 1, false) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S';
    END
    $$
"""


class Databases:
    """One database for each service, lent to one test after the other.

    Args:
        embedded: the running server.
    """

    def __init__(self, embedded: EmbeddedServers) -> None:
        self._embedded = embedded
        self._shapes: dict[str, list[str]] = {}
        self._templates: set[str] = set()

    def url(self, service: str) -> str:
        """Where a service's database is while a test has it."""
        return self._embedded.postgres_url(f"{service}_test")

    @asynccontextmanager
    async def lend(self, service: str) -> AsyncIterator[Database]:
        """A database with the tables of a service and what is in them at first."""
        if service not in self._shapes:
            await self._make(service)
        try:
            async with open_database(self.url(service), "TEST_DATABASE_URL", "test") as database:
                yield database
        finally:
            await self._clean(service)

    async def _make(self, service: str) -> None:
        template = f"{service}_template"
        if template not in self._templates:
            migrate(self._embedded.postgres_url(template), ["onhand.common", f"onhand.{service}"])
            self._templates.add(template)
        async with _connected(self._embedded.postgres_url("postgres")) as admin:
            await admin.execute(f"CREATE DATABASE {service}_test TEMPLATE {template} STRATEGY wal_log")
            # No test here kills the server.
            await admin.execute(f"ALTER DATABASE {service}_test SET synchronous_commit = off")
        async with _connected(self.url(service)) as connection:
            await connection.execute(_KEEP_FIRST_ROWS)
            self._shapes[service] = await connection.fetchval(_SHAPE)

    async def _clean(self, service: str) -> None:
        async with _connected(self.url(service)) as connection:
            await connection.execute("SET default_transaction_read_only = off")
            await connection.execute(_DISCONNECT_OTHERS)
            is_whole = await connection.fetchval(_SHAPE) == self._shapes[service]
            if is_whole:
                await connection.execute(_RESTORE)
        if not is_whole:
            del self._shapes[service]
            async with _connected(self._embedded.postgres_url("postgres")) as admin:
                await admin.execute(f"DROP DATABASE {service}_test WITH (FORCE)")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
