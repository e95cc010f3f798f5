"""The inbox: remembers which messages have had their effect, where no natural key in the service's tables does.

A handler asks it inside its own transaction, so that effect and memory are committed together or not at all.
"""

from collections.abc import Sequence

from onhand.common.contracts import Message
from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Received

_DAYS = 30
_FORGET_ROWS = 10_000
"""Most rows that are deleted at once, so that nobody waits for it."""


async def first_seen(tx: Transaction, batch: Sequence[Received[Message]]) -> set[str]:
    """Note the messages of a batch as received; returns the ids of those that had not been received before.

    They are noted in the order of the ids, so that two batches with the same messages do not deadlock.
    """
    rows = await tx.fetch(
        """
        INSERT INTO inbox (message_id) SELECT DISTINCT unnest($1::text[]) AS message_id ORDER BY message_id
        ON CONFLICT DO NOTHING RETURNING message_id
        """,
        [received.envelope.id for received in batch],
    )
    return {row["message_id"] for row in rows}


async def forget_old(database: Database) -> int:
    """Forget messages that are too old to come again; returns how many.

    What comes again comes from a stream: at the latest when a snapshot of Redis is put back that is older than this. Or
    it is among the dead letters, and then it is remembered for as long as it lies there.
    """
    async with database.transaction() as tx:
        rows = await tx.fetch(
            """
            DELETE FROM inbox WHERE message_id = ANY(ARRAY(
                SELECT message_id FROM inbox WHERE received_at < now() - make_interval(days => $1)
                    AND NOT EXISTS (SELECT FROM dead_letters WHERE dead_letters.message_id = inbox.message_id)
                LIMIT $2
            )) RETURNING message_id
            """,
            _DAYS,
            _FORGET_ROWS,
        )
    return len(rows)
