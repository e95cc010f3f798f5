"""How products and their levels are locked and stored."""

from collections.abc import Collection, Sequence
from typing import Any

from onhand.common.database import Transaction
from onhand.inventory.domain.levels import Level, Product, Stock


async def lock_stock(tx: Transaction, product_ids: Collection[str]) -> Stock:
    """Read all levels of products and keep them locked until the transaction ends; unknown products are left out.

    The locks are taken in the order of the ids, so that two batches never deadlock. Every product has a level, so its
    own row need not be locked: whoever changes it, or adds a level, locks the levels first. But a statement that waits
    for a lock gets the row as it is then, and all else as it was when the statement began. What was changed in between
    is told by the edition, and read again.
    """
    rows = await _lock(tx, product_ids)
    if any(row["is_older"] for row in rows):
        rows = await _lock(tx, product_ids)
    products: dict[str, Product] = {}
    levels = []
    for product_id, location_id, on_hand, reserved, priority, threshold, safety_stock, backorderable, _ in rows:
        if product_id not in products:
            products[product_id] = Product(product_id, threshold, safety_stock, backorderable)
        levels.append(Level(product_id, location_id, priority, on_hand, reserved, safety_stock))
    return Stock(products.values(), levels)


async def _lock(tx: Transaction, product_ids: Collection[str]) -> Sequence[Any]:
    rows: Sequence[Any] = await tx.fetch(
        """
        SELECT product_id, location_id, on_hand, reserved, priority, low_stock_threshold, safety_stock, backorderable,
               products.edition < stock_levels.edition AS is_older
        FROM stock_levels JOIN products USING (product_id) JOIN locations USING (location_id)
        WHERE product_id = ANY($1) ORDER BY product_id, location_id FOR UPDATE OF stock_levels
        """,
        list(product_ids),
    )
    return rows


async def add_levels(tx: Transaction, places: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Make products known, and give them a level, with nothing on hand, at locations where they have none.

    A row that does not exist cannot be locked; without this, two replicas that set the stock of a new product would
    overwrite each other, and with it what was reserved in between. Locations that do not exist are passed over.

    Args:
        tx: the transaction; products that are known are locked in it. `lock_stock` then finds the new levels.
        places: products and locations.

    Returns:
        Where a level was added. What is not needed after all is to be given to `remove_levels`.
    """
    product_ids, location_ids = _sorted(places)
    await tx.execute(
        """
        INSERT INTO products (product_id)
        SELECT DISTINCT product_id FROM unnest($1::text[], $2::text[]) AS given (product_id, location_id)
        JOIN locations USING (location_id) ORDER BY product_id ON CONFLICT (product_id) DO NOTHING
        """,
        product_ids,
        location_ids,
    )
    # Another replica may have made a product known just now, and the statement above has waited for it.
    await _lock(tx, product_ids)
    rows = await tx.fetch(
        """
        WITH added AS (
            INSERT INTO stock_levels (product_id, location_id, edition)
            SELECT product_id, location_id, edition + 1
            FROM unnest($1::text[], $2::text[]) AS given (product_id, location_id)
            JOIN products USING (product_id) JOIN locations USING (location_id)
            ORDER BY product_id, location_id ON CONFLICT (product_id, location_id) DO NOTHING
            RETURNING product_id, location_id, edition
        ), noted AS (
            UPDATE products SET edition = added.edition FROM added WHERE products.product_id = added.product_id
        ), told AS (
            UPDATE stock_levels SET edition = added.edition FROM added WHERE stock_levels.product_id = added.product_id
        )
        SELECT product_id, location_id FROM added
        """,
        product_ids,
        location_ids,
    )
    return {(product_id, location_id) for product_id, location_id in rows}


async def remove_levels(tx: Transaction, places: Collection[tuple[str, str]]) -> None:
    """Take back levels that this transaction has added, and know no product any more that has no other.

    Until it ends nobody else can see them. That a product's edition is higher than before does no harm.
    """
    if places:
        product_ids, location_ids = _sorted(places)
        await tx.execute(
            """
            DELETE FROM stock_levels USING unnest($1::text[], $2::text[]) AS given (product_id, location_id)
            WHERE stock_levels.product_id = given.product_id AND stock_levels.location_id = given.location_id
            """,
            product_ids,
            location_ids,
        )
        await tx.execute(
            """
            DELETE FROM products WHERE product_id = ANY($1)
            AND NOT EXISTS (SELECT FROM stock_levels WHERE stock_levels.product_id = products.product_id)
            """,
            product_ids,
        )


def _sorted(places: Collection[tuple[str, str]]) -> tuple[list[str], list[str]]:
    ordered = sorted(places)
    return [product_id for product_id, _ in ordered], [location_id for _, location_id in ordered]


async def save_levels(tx: Transaction, levels: Sequence[Level]) -> None:
    """Store locked levels as they are now: one write for each."""
    if levels:
        await tx.execute(
            """
            UPDATE stock_levels SET on_hand = given.on_hand, reserved = given.reserved
            FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
                AS given (product_id, location_id, on_hand, reserved)
            WHERE stock_levels.product_id = given.product_id AND stock_levels.location_id = given.location_id
            """,
            [level.product_id for level in levels],
            [level.location_id for level in levels],
            [level.on_hand for level in levels],
            [level.reserved for level in levels],
        )
