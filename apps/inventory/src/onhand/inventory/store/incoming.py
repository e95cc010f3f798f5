"""How what is expected is read and written: each change is a new version, and the last one is not replaced."""

from collections.abc import Collection, Sequence
from uuid import UUID

from onhand.common.database import Transaction
from onhand.inventory.domain.incoming import Incoming, Incomings

_COLUMNS = ", ".join(Incoming._fields)


async def find_incoming(tx: Transaction, incoming_ids: Collection[UUID], product_ids: Collection[str]) -> Incomings:
    """Read what is expected under some ids, and how many units of some products are in all.

    To be read after the levels of the products are locked: what another replica has changed meanwhile is visible only
    then.
    """
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM incoming WHERE incoming_id = ANY($1) AND (version = 1 OR replaced_at IS NULL)"  # noqa: S608  # names of columns
        " ORDER BY version",
        list(incoming_ids),
    )
    found = [Incoming(*row) for row in rows]
    sums = await tx.fetch(
        """
        SELECT product_id, sum(quantity) FROM incoming
        WHERE product_id = ANY($1) AND replaced_at IS NULL AND quantity > 0 GROUP BY product_id
        """,
        list(product_ids),
    )
    return Incomings(
        {incoming.incoming_id: incoming for incoming in found},
        {incoming.incoming_id: incoming for incoming in found if incoming.version == 1},
        {product_id: int(units) for product_id, units in sums},
    )


async def save_incoming(tx: Transaction, changes: Sequence[Incoming]) -> None:
    """Store new versions, in the order they came about.

    Raises:
        asyncpg.UniqueViolationError: another replica has just expected something else under one of the ids.
    """
    if not changes:
        return
    last = {incoming.incoming_id: incoming.version for incoming in changes}
    await tx.execute(
        f"""
        WITH replaced AS (
            UPDATE incoming SET replaced_at = statement_timestamp()
            WHERE incoming_id = ANY($1::uuid[]) AND replaced_at IS NULL
        )
        INSERT INTO incoming ({_COLUMNS}, replaced_at)
        SELECT {_COLUMNS}, CASE WHEN is_last THEN NULL ELSE statement_timestamp() END
        FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[], $7::text[],
                    $8::boolean[], $9::boolean[])
            AS given ({_COLUMNS}, is_last)
        """,  # noqa: S608  # names of columns
        *map(list, zip(*changes, strict=True)),
        [incoming.version == last[incoming.incoming_id] for incoming in changes],
    )
