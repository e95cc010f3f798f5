"""Dead letters: messages that no handler can take, and those that wait behind them, kept in the service's database.

Later messages with the same key are parked behind the first, in order, so that no story is carried on past it. A key is
dead as long as it has rows, and of its rows the one with the lowest id comes first. There is nothing else to keep up to
date: when the first row goes, by whatever hand, the next one is the first.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from onhand.common.contracts import Event, Message, Query
from onhand.common.database import Transaction
from onhand.common.errors import in_words
from onhand.common.messaging.entries import Entry
from onhand.common.messaging.envelope import Envelope, decode
from onhand.common.messaging.subscriptions import Subscriptions

_LONGEST_KEY = 200
"""Characters: no contract allows as many, and an index takes no more than 2,700 bytes."""
_LONGEST_TEXT = 4000


class Place(NamedTuple):
    """Where entries are read, and by whom."""

    partition: int
    consumer: str


class Letter(NamedTuple):
    """A message that a handler failed on, or that waits behind one.

    Attributes:
        envelope: None if the payload is none.
        kind: its contract, or None if nobody subscribes to its type.
    """

    entry: Entry
    envelope: Envelope | None
    kind: type[Message] | None

    @property
    def is_query(self) -> bool:
        """Whether it changes nothing, and who sent it does not wait for long."""
        return self.kind is not None and issubclass(self.kind, Query)

    @property
    def key(self) -> str | None:
        """What it is about, and what later messages wait behind it by; None if nothing can.

        Nothing has to wait for a query.
        """
        if self.envelope is None or self.kind is None or self.is_query:
            return None
        return _text(self.envelope.subject) if len(self.envelope.subject) <= _LONGEST_KEY else None

    @property
    def identity(self) -> bytes:
        """What makes it the same when it comes again, because its acknowledgement was lost or it was appended twice.

        A query is the same whoever asks it: somebody who asks again and again fills no table.
        """
        if self.envelope is None:
            return _digest(self.entry.topic.encode(), self.entry.entry_id, self.entry.payload or b"")
        if self.is_query:
            return _digest(self.envelope.type.encode(), self.envelope.subject.encode(), bytes(self.envelope.data))
        return _digest(self.entry.topic.encode(), self.entry.payload or b"")

    @property
    def content(self) -> bytes | None:
        """What an event says, without its envelope; None for what is no event."""
        if self.envelope is None or self.kind is None or not issubclass(self.kind, Event):
            return None
        return _digest(self.envelope.type.encode(), bytes(self.envelope.data))

    @property
    def type(self) -> str | None:
        """Its type, as far as it has one."""
        return None if self.envelope is None else _text(self.envelope.type)

    @property
    def message_id(self) -> str | None:
        """The id of its envelope, as far as it has one."""
        return None if self.envelope is None else _text(self.envelope.id)

    def facts(self) -> dict[str, str | None]:
        """What a log tells of it."""
        return {
            "topic": self.entry.topic,
            "entry": self.entry.entry_id.decode(),
            "type": self.type,
            "key": self.key,
            "message": self.message_id,
        }


def read_letter(entry: Entry, subscriptions: Subscriptions) -> Letter:
    """Read as much of an entry as can be read."""
    try:
        envelope = decode(entry.payload or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Letter(entry, None, None)
    subscription = subscriptions.find(envelope.type)
    return Letter(entry, envelope, None if subscription is None else subscription.message)


def reason_of(error: Exception) -> str:
    """An error as it is kept and logged."""
    return _text(in_words(error))


async def bury(
    tx: Transaction, letter: Letter, place: Place, error: Exception, attempts: int, *, retry: bool = False
) -> None:
    """Keep a message that no handler can take. The caller acknowledges it after COMMIT.

    Args:
        tx: where to keep it.
        letter: what to keep.
        place: where it was read.
        error: why it is kept.
        attempts: how often it was tried.
        retry: whether it is to be tried again without anybody asking for it.
    """
    await tx.execute(
        """
        INSERT INTO dead_letters AS known (
            topic, entry_id, payload, key, type, message_id, identity, content,
            partition, consumer, error, attempts, retry, first_failed_at, last_failed_at
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, statement_timestamp(), statement_timestamp())
        ON CONFLICT (identity) DO UPDATE
        SET state = 'failed', error = excluded.error, attempts = known.attempts + excluded.attempts,
            first_failed_at = coalesce(known.first_failed_at, excluded.first_failed_at),
            last_failed_at = excluded.last_failed_at, retry = known.retry OR excluded.retry
        """,
        *_columns(letter),
        *place,
        reason_of(error),
        attempts,
        retry,
    )


async def park(tx: Transaction, letters: Sequence[Letter], place: Place) -> tuple[list[Letter], list[Letter]]:
    """Let messages wait behind a dead letter with the same key, where there still is one.

    An event that only says once more what the last row of its key says is not kept. A timer tells it again and again,
    and nothing is lost: no handler may rely on how often it is told the same. A command is always kept, because who
    sends the same twice may want it twice.

    Returns:
        Those that are parked, and those that are not kept. The rest has nothing to wait for.
    """
    rows = await tx.fetch(
        """
        SELECT given.key, last.content FROM unnest($1::text[]) AS given (key) CROSS JOIN LATERAL (
            SELECT content FROM dead_letters WHERE key = given.key ORDER BY id DESC LIMIT 1
        ) AS last
        """,
        list({letter.key for letter in letters}),
    )
    last = {row["key"]: row["content"] for row in rows}
    parked: list[Letter] = []
    repeated: list[Letter] = []
    for letter in letters:
        if letter.key in last:
            is_repeated = letter.content is not None and letter.content == last[letter.key]
            (repeated if is_repeated else parked).append(letter)
            last[letter.key] = letter.content
    await tx.executemany(
        """
        INSERT INTO dead_letters (
            topic, entry_id, payload, key, type, message_id, identity, content, partition, consumer, state, error
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'parked', '')
        ON CONFLICT (identity) DO NOTHING
        """,
        [(*_columns(letter), *place) for letter in parked],
    )
    return parked, repeated


def _columns(letter: Letter) -> tuple[object, ...]:
    return (
        letter.entry.topic,
        letter.entry.entry_id.decode(),
        letter.entry.payload or b"",
        letter.key,
        letter.type,
        letter.message_id,
        letter.identity,
        letter.content,
    )


def _text(text: str) -> str:
    """As much as PostgreSQL takes: anybody may have written it."""
    return text[:_LONGEST_TEXT].replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return digest.digest()
