"""How the ledger is written: rows are only added."""

from collections.abc import Sequence
from uuid import UUID

from onhand.common.database import Transaction
from onhand.inventory.domain.ledger import Entry

_COLUMNS = ", ".join(Entry._fields)


async def record(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Add entries to the ledger, in their order.

    Raises:
        asyncpg.UniqueViolationError: another replica has just recorded one of the movements.
    """
    if entries:
        await tx.execute(
            f"""
            INSERT INTO movements ({_COLUMNS})
            SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::bigint[],
                                 $7::bigint[], $8::uuid[], $9::text[], $10::text[], $11::text[], $12::text[],
                                 $13::uuid[])
            """,  # noqa: S608  # names of columns
            *map(list, zip(*entries, strict=True)),
        )


async def find(tx: Transaction, movement_ids: Sequence[UUID]) -> dict[UUID, list[Entry]]:
    """Read the entries of movements, in their order; movements that are not recorded are left out.

    To be read after the levels are locked: a movement that another replica has recorded meanwhile is visible only then.
    """
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM movements WHERE movement_id = ANY($1) ORDER BY movement_id, entry_no",  # noqa: S608
        list(movement_ids),
    )
    found: dict[UUID, list[Entry]] = {}
    for row in rows:
        found.setdefault(row["movement_id"], []).append(Entry(*row))
    return found
