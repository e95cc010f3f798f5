"""How holds are written and read. Where their units are, `reservations` says."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from onhand.common.contracts import ExtendHold, HoldStock
from onhand.common.contracts.message import Lines
from onhand.common.database import Transaction
from onhand.inventory.domain.holds import Hold

_AT_ONCE = 1000
_read_lines = msgspec.json.Decoder(Lines).decode


async def insert_holds(tx: Transaction, commands: Sequence[HoldStock]) -> None:
    """Store new holds; their time begins now.

    Raises:
        asyncpg.UniqueViolationError: another replica has just stored one of them.
    """
    await tx.execute(
        """
        INSERT INTO holds (reservation_id, lines, ttl_seconds, reference, expires_at)
        SELECT *, statement_timestamp() + make_interval(secs => ttl_seconds)
        FROM unnest($1::uuid[], $2::jsonb[], $3::integer[], $4::text[])
            AS given (reservation_id, lines, ttl_seconds, reference)
        """,
        [command.reservation_id for command in commands],
        [msgspec.json.encode(command.lines).decode() for command in commands],
        [command.ttl_seconds for command in commands],
        [command.reference or None for command in commands],
    )


async def find_holds(tx: Transaction, reservation_ids: Collection[UUID]) -> dict[UUID, Hold]:
    """Read holds as they stand on the database's clock; unknown ones are left out.

    All but an extension of a hold happens under the locks of the levels of its products.
    """
    rows = await tx.fetch(
        """
        SELECT reservation_id,
            CASE WHEN state = 'active' AND expires_at <= statement_timestamp() THEN 'expired' ELSE state END,
            lines, ttl_seconds, reference, created_at, expires_at, ended_at, order_id
        FROM holds WHERE reservation_id = ANY($1)
        """,
        list(reservation_ids),
    )
    return {row[0]: Hold(row[0], row[1], _read_lines(row[2]), *row[3:]) for row in rows}


async def find_due(tx: Transaction) -> dict[UUID, Lines]:
    """Read the holds that have been active for longest after their time was over, and what they are of."""
    rows = await tx.fetch(
        """
        SELECT reservation_id, lines FROM holds
        WHERE state = 'active' AND expires_at <= statement_timestamp() ORDER BY expires_at LIMIT $1
        """,
        _AT_ONCE,
    )
    return {row["reservation_id"]: _read_lines(row["lines"]) for row in rows}


async def extend_holds(tx: Transaction, ttl_seconds: Mapping[UUID, int]) -> set[UUID]:
    """Let holds end so many seconds from now, or when they would anyway, if that is later; ended ones have ended.

    Returns:
        The holds that are active.
    """
    rows = await tx.fetch(
        """
        UPDATE holds SET expires_at = greatest(expires_at, statement_timestamp() + make_interval(secs => longer))
        FROM unnest($1::uuid[], $2::integer[]) AS given (extended, longer)
        WHERE reservation_id = extended AND state = 'active' AND expires_at > statement_timestamp()
        RETURNING reservation_id
        """,
        sorted(ttl_seconds),
        [ttl_seconds[reservation_id] for reservation_id in sorted(ttl_seconds)],
    )
    return {row["reservation_id"] for row in rows}


async def find_extensions(tx: Transaction, extension_ids: Collection[UUID | UnsetType]) -> dict[UUID | UnsetType, int]:
    """Read for how many seconds holds were extended under a key; to be read after their levels are locked."""
    keyed = [extension_id for extension_id in extension_ids if extension_id is not UNSET]
    if not keyed:
        return {}
    rows = await tx.fetch(
        "SELECT extension_id, ttl_seconds FROM hold_extensions WHERE extension_id = ANY($1::uuid[])", keyed
    )
    return {row["extension_id"]: row["ttl_seconds"] for row in rows}


async def insert_extensions(tx: Transaction, commands: Sequence[ExtendHold]) -> None:
    """Note which commands with a key have extended a hold."""
    if commands:
        await tx.execute(
            """
            INSERT INTO hold_extensions (extension_id, reservation_id, ttl_seconds)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[])
            """,
            [command.extension_id for command in commands],
            [command.reservation_id for command in commands],
            [command.ttl_seconds for command in commands],
        )


async def use_holds(tx: Transaction, order_ids: Mapping[UUID, UUID]) -> None:
    """End holds that orders take over, which were found active under the locks that are held still.

    Args:
        tx: the transaction.
        order_ids: for each hold the order that uses it.
    """
    await tx.execute(
        """
        UPDATE holds SET state = 'used', ended_at = statement_timestamp(), order_id = user_id
        FROM unnest($1::uuid[], $2::uuid[]) AS given (used, user_id) WHERE reservation_id = used AND state = 'active'
        """,
        list(order_ids),
        list(order_ids.values()),
    )


async def release_holds(tx: Transaction, reservation_ids: Collection[UUID]) -> set[UUID]:
    """End holds that are active; returns which. To be called after the levels are locked."""
    rows = await tx.fetch(
        """
        UPDATE holds SET state = 'released', ended_at = statement_timestamp()
        WHERE reservation_id = ANY($1) AND state = 'active' AND expires_at > statement_timestamp()
        RETURNING reservation_id
        """,
        list(reservation_ids),
    )
    return {row["reservation_id"] for row in rows}


async def expire_holds(tx: Transaction, reservation_ids: Collection[UUID]) -> set[UUID]:
    """End holds whose time is over; returns which. To be called after the levels are locked."""
    rows = await tx.fetch(
        """
        UPDATE holds SET state = 'expired', ended_at = statement_timestamp()
        WHERE reservation_id = ANY($1) AND state = 'active' AND expires_at <= statement_timestamp()
        RETURNING reservation_id
        """,
        list(reservation_ids),
    )
    return {row["reservation_id"] for row in rows}
