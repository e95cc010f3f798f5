"""What PostgreSQL refuses only at COMMIT, after every handler has returned."""

import pytest

from onhand.common.database import Database
from onhand.common.errors import NoReply
from onhand.common.messaging.streams import Streams
from onhand.common.testing import eventually
from toy import Count, asking, consuming, create_table, pending, things, told

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = 'serialization_failure'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse();
"""


async def test_what_is_refused_at_commit_was_neither_told_nor_answered(
    orders_database: Database, streams: Streams
) -> None:
    await create_table(orders_database)
    async with orders_database.transaction() as tx:
        await tx.execute(REFUSE)
    async with consuming(orders_database, streams), asking(streams, timeout_seconds=1.0) as requests:
        with pytest.raises(NoReply):
            await requests.ask(Count(thing="a"))
        assert await told(streams) == [], "it was told and is not stored"
        assert len(await pending(streams)) == 1
        async with orders_database.transaction() as tx:
            await tx.execute("DROP TRIGGER refuse ON things")

        async def is_counted() -> bool:
            return await things(orders_database) == {"a"}

        await eventually(is_counted)
