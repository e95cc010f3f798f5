"""Events that are told again until they are answered.

The outbox sees to it that an event is published; that Redis then loses it, or the answer to it, is seen to here. An
event is noted in the transaction that leads to it, and forgotten in the transaction of the answer. Whoever acts on it
answers each time that it comes, and acts once.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Raw, structs

from onhand.common.contracts import Event, Message
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received, decode, encode
from onhand.common.messaging.versions import by_type, read

_AT_ONCE = 500


class Unanswered(NamedTuple):
    """An event that waits for an answer.

    Attributes:
        fact: what the answer will name.
    """

    fact: str
    publish: Publish


async def expect_answers(tx: Transaction, events: Sequence[Unanswered]) -> list[Publish]:
    """Note events that are to be told until they are answered; returns what to tell now.

    One whose fact is noted already is the same event, and stays as it is.
    """
    if events:
        await tx.execute(
            """
            INSERT INTO unanswered_events (fact, type, event, cause)
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
            ON CONFLICT (fact) DO NOTHING
            """,
            [fact for fact, _ in events],
            [publish.event.TYPE for _, publish in events],
            [msgspec.json.encode(publish.event).decode() for _, publish in events],
            [_cause_of(publish) for _, publish in events],
        )
    return [publish for _, publish in events]


async def note_answers(tx: Transaction, facts: Collection[str]) -> None:
    """Note that facts are answered; one that is not expected to be changes nothing."""
    await tx.execute("DELETE FROM unanswered_events WHERE fact = ANY($1)", list(facts))


async def tell_again(events: Collection[type[Event]], older_than_seconds: float, tx: Transaction) -> list[Publish]:
    """Take events that have waited for an answer since they were last told, to tell them again.

    The wait doubles with each time, up to 32-fold. Events that another replica is taking are skipped. One that was told
    in the future is taken, too: the clock was set back since.

    Args:
        events: every type there can be. Others are left alone: a version that knows them has noted them.
        older_than_seconds: the first wait.
        tx: the transaction.
    """
    kinds = by_type(events)
    rows = await tx.fetch(
        """
        UPDATE unanswered_events SET asks = asks + 1, asked_at = statement_timestamp()
        WHERE fact = ANY (ARRAY ( -- `IN (SELECT ...)` might be looked up again for each row, and the limit with it
            SELECT fact FROM unanswered_events
            WHERE type = ANY($3)
              AND asked_at NOT BETWEEN statement_timestamp() - make_interval(secs => $1)
                                   AND statement_timestamp() + make_interval(secs => $1)
              AND asked_at NOT BETWEEN statement_timestamp() - make_interval(secs => $1 * 2 ^ least(asks - 1, 5))
                                   AND statement_timestamp() + make_interval(secs => $1)
            ORDER BY asked_at LIMIT $2
            FOR UPDATE SKIP LOCKED
        ))
        RETURNING type, event, cause
        """,
        older_than_seconds,
        _AT_ONCE,
        list(kinds),
    )
    return [Publish(read(kinds[row["type"]], row["type"], row["event"]), _read_cause(row["cause"])) for row in rows]


def _cause_of(publish: Publish) -> str | None:
    if publish.cause is None:
        return None
    return encode(structs.replace(publish.cause.envelope, data=Raw(b"null"))).decode()


def _read_cause(cause: str | None) -> Received[Message] | None:
    """The cause of an event that is told again; what it said is not kept, and only its envelope is asked for."""
    return None if cause is None else Received(Message(), decode(cause.encode()))
