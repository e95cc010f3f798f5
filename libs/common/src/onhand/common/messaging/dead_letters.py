"""Dead letters: messages that no handler can take are kept in the service's database, and the others go on."""

import structlog

from onhand.common.database import Transaction
from onhand.common.messaging.streams import Entry

_log = structlog.get_logger()


async def bury(tx: Transaction, entry: Entry, error: Exception) -> None:
    """Keep an entry with the reason why it cannot be handled. The caller acknowledges it after COMMIT."""
    reason = f"{type(error).__name__}: {error}"
    await tx.execute(
        "INSERT INTO dead_letters (topic, entry_id, payload, error) VALUES ($1, $2, $3, $4)",
        entry.topic,
        entry.entry_id.decode(),
        entry.payload or b"",
        reason.replace("\x00", ""),
    )
    _log.error("message buried in dead_letters", topic=entry.topic, entry=entry.entry_id.decode(), error=reason)
