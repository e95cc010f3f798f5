"""The outbox: events are written with the state they tell of, in one transaction, and published after it.

One row holds the events of one batch. It is deleted by the transaction of a later batch, so that a published row costs
no transaction of its own. What stays behind because a process died between COMMIT and publishing, or because Redis was
away, is published by the sweeper of any replica. A crash may therefore publish an event twice, and never keeps it from
being published.
"""

from collections.abc import Sequence
from typing import NamedTuple

import lz4.frame
import msgspec
from msgspec import Raw

from onhand.common.database import Database, Transaction
from onhand.common.errors import Unavailable, in_words
from onhand.common.failpoints import hit
from onhand.common.messaging.envelope import Outgoing
from onhand.common.messaging.streams import Streams

SWEEP_AGE_SECONDS = 5.0
"""Rows younger than this are taken to be in the hands of whoever wrote them."""
_SWEEP_ROWS = 200
_LEFT_BEHIND = """
    SELECT id FROM outbox
    WHERE written_at NOT BETWEEN now() - make_interval(secs => $1) AND now() + make_interval(secs => $1)
    ORDER BY id LIMIT $2
"""

_PACKS_FROM_BYTES = 2000
"""About where PostgreSQL begins to cut a value into rows of 2 kB, each with an entry in an index. Envelopes are alike,
so a batch of them becomes a quarter as long, in less time than the rest takes to be sent (docs/adr/0038)."""
_PACKED = b"\x04\x22\x4d\x18"  # how each LZ4 frame begins, and no JSON
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[tuple[str, str, Raw]]).decode


class OutboxWrite(NamedTuple):
    """What a transaction does to the outbox: the row it writes, if any, and the published rows it deletes."""

    row: int | None
    deleted: list[int]


class Outbox:
    """The outbox of one unit of work.

    It remembers which of its rows are published, to delete them when there is a transaction to do it in.
    """

    def __init__(self) -> None:
        self._published: list[int] = []

    async def write(self, tx: Transaction, messages: Sequence[Outgoing]) -> OutboxWrite:
        """Store messages as one row, and delete the rows that are noted as published."""
        deleted = self._published.copy()
        if not messages and not deleted:
            return OutboxWrite(None, deleted)
        row: int | None = await tx.fetchval(
            """
            WITH deleted AS (DELETE FROM outbox WHERE id = ANY($3))
            INSERT INTO outbox (events, messages) SELECT $1::integer, $2 WHERE $1 > 0 RETURNING id
            """,
            len(messages),
            _pack(messages),
            deleted,
        )
        return OutboxWrite(row, deleted)

    @property
    def holds_published(self) -> bool:
        """Whether there are published rows to delete."""
        return bool(self._published)

    def committed(self, write: OutboxWrite) -> None:
        """Note that a write is on disk: what it deleted need not be deleted again."""
        if write.deleted:
            hit("after_mark")
        self._published = [row for row in self._published if row not in write.deleted]

    def published(self, write: OutboxWrite) -> None:
        """Note that a write's events are on their streams: a later transaction may delete its row."""
        if write.row is not None:
            self._published.append(write.row)


def _pack(messages: Sequence[Outgoing]) -> bytes:
    """Write messages as a JSON array of [topic, key, envelope], as an LZ4 frame if that is long."""
    text = _encode([(message.topic, message.key, Raw(message.payload)) for message in messages])
    return text if len(text) < _PACKS_FROM_BYTES else bytes(lz4.frame.compress(text))


def _unpack(stored: bytes) -> list[Outgoing]:
    """Read what `_pack` has written.

    Raises:
        ValueError: it is no such array, and no frame with one in it.
    """
    try:
        text = lz4.frame.decompress(stored) if stored.startswith(_PACKED) else stored
        return [Outgoing(topic, key, bytes(payload)) for topic, key, payload in _decode(text)]
    # A broken frame is a RuntimeError, or a MemoryError if it says that it is huge; so is JSON that is nested too deep.
    except (msgspec.MsgspecError, RuntimeError, MemoryError) as error:
        raise ValueError(in_words(error)) from error


async def sweep(database: Database, streams: Streams) -> int:
    """Publish what was left behind, and delete it; returns the number of events.

    Rows that another replica is sweeping are skipped. Rows of the future are left behind, too: the clock was set back
    since. Each row has a transaction of its own, so one that cannot be published stays, and holds up no other.

    Raises:
        Unavailable: Redis is away, or did not take one of the rows, or nobody can read it; it stays.
    """
    async with database.transaction() as tx:
        rows = [row["id"] for row in await tx.fetch(_LEFT_BEHIND, SWEEP_AGE_SECONDS, _SWEEP_ROWS)]
    count = 0
    refusal: Unavailable | None = None
    for row in rows:
        try:
            count += await _publish(row, database, streams)
        except Unavailable as error:
            refusal = refusal or error
            await streams.ping()  # if Redis is away, it takes no other row either
    if refusal is not None:
        raise refusal
    return count


async def _publish(row: int, database: Database, streams: Streams) -> int:
    """Publish a row and delete it, unless somebody else does; a crash before COMMIT publishes it again."""
    async with database.transaction() as tx:
        stored = await tx.fetchval("SELECT messages FROM outbox WHERE id = $1 FOR UPDATE SKIP LOCKED", row)
        if stored is None:
            return 0
        try:
            messages = _unpack(stored)
        except ValueError as error:
            raise Unavailable(f"row {row} of the outbox cannot be read: {error}") from error
        try:
            await streams.tell(messages)
        except Unavailable as error:
            raise Unavailable(f"row {row} of the outbox is not published: {error}") from error
        await tx.execute("DELETE FROM outbox WHERE id = $1", row)
        hit("before_sweep_commit")
    return len(messages)
