"""The inbox: remembers which messages have had their effect, where no natural key in the service's tables does.

A handler asks it inside its own transaction, so that effect and memory are committed together or not at all.
"""

from collections.abc import Sequence

from onhand.common.contracts import Message
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Received


async def first_seen(tx: Transaction, batch: Sequence[Received[Message]]) -> set[str]:
    """Note the messages of a batch as received; returns the ids of those that had not been received before."""
    rows = await tx.fetch(
        "INSERT INTO inbox (message_id) SELECT DISTINCT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING message_id",
        [received.envelope.id for received in batch],
    )
    return {row["message_id"] for row in rows}
