"""How products and locations are stored."""

from collections.abc import Sequence

from onhand.common.database import Transaction


async def count_crossings(tx: Transaction, product_ids: Sequence[str]) -> dict[str, int]:
    """Count one more crossing for each time that a product is named; returns how many there were before.

    Args:
        tx: the transaction, in which the levels of the products are locked.
        product_ids: of each crossing.
    """
    rows = await tx.fetch(
        """
        UPDATE products SET crossings = crossings + given.times
        FROM (SELECT product_id, count(*)::integer AS times FROM unnest($1::text[]) AS given (product_id) GROUP BY 1)
            AS given
        WHERE products.product_id = given.product_id
        RETURNING products.product_id, crossings - given.times AS before
        """,
        list(product_ids),
    )
    return {row["product_id"]: row["before"] for row in rows}
