"""How products and locations are stored."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET

from onhand.common.contracts import DefineLocation, LocationDetails, ProductDetails
from onhand.common.database import Transaction


class Definition(NamedTuple):
    """What a product was said to be, and by whom."""

    product_id: str
    name: str | None
    low_stock_threshold: int | None
    safety_stock: int
    backorderable: bool
    actor: str | None


async def save_products(tx: Transaction, definitions: Sequence[Definition]) -> None:
    """Store what products are from now on, one definition for each, and keep what was said.

    To be called after the levels of the products are locked. Whoever waits for one of them learns from its edition that
    what was read beside it is out of date.
    """
    if definitions:
        await tx.execute(
            """
            WITH given AS (
                SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::boolean[], $6::text[])
                    AS given (product_id, name, low_stock_threshold, safety_stock, backorderable, actor)
            ), defined AS (
                UPDATE products SET name = given.name, low_stock_threshold = given.low_stock_threshold,
                    safety_stock = given.safety_stock, backorderable = given.backorderable, edition = edition + 1
                FROM given WHERE products.product_id = given.product_id
                RETURNING products.product_id, edition
            ), kept AS (
                INSERT INTO definitions
                    (product_id, edition, name, low_stock_threshold, safety_stock, backorderable, actor)
                SELECT product_id, edition, name, low_stock_threshold, safety_stock, backorderable, actor
                FROM given JOIN defined USING (product_id)
            )
            UPDATE stock_levels SET edition = defined.edition
            FROM defined WHERE stock_levels.product_id = defined.product_id
            """,
            *map(list, zip(*definitions, strict=True)),
        )


async def find_products(tx: Transaction, product_ids: Collection[str]) -> dict[str, ProductDetails]:
    """Read what products are; unknown ones are left out."""
    rows = await tx.fetch("SELECT * FROM products WHERE product_id = ANY($1)", list(product_ids))
    return {row["product_id"]: product_of(row) for row in rows}


def product_of(row: Any) -> ProductDetails:  # noqa: ANN401  # asyncpg ships no types
    """What a product is that is stored in a row."""
    return ProductDetails(
        product_id=row["product_id"],
        name=row["name"] or UNSET,
        low_stock_threshold=UNSET if row["low_stock_threshold"] is None else row["low_stock_threshold"],
        safety_stock=row["safety_stock"],
        backorderable=row["backorderable"],
    )


async def find_locations(tx: Transaction) -> dict[str, LocationDetails]:
    """Read what all locations are, in the order in which they serve."""
    rows = await tx.fetch("SELECT location_id, name, priority FROM locations ORDER BY priority, location_id")
    return {
        row["location_id"]: LocationDetails(
            location_id=row["location_id"], name=row["name"] or UNSET, priority=row["priority"]
        )
        for row in rows
    }


async def save_locations(tx: Transaction, commands: Collection[DefineLocation]) -> None:
    """Store what locations are from now on, one command for each."""
    if commands:
        ordered = sorted(commands, key=lambda command: command.location_id)  # so that two batches never deadlock
        await tx.execute(
            """
            INSERT INTO locations (location_id, name, priority)
            SELECT * FROM unnest($1::text[], $2::text[], $3::integer[])
            ON CONFLICT (location_id) DO UPDATE SET name = excluded.name, priority = excluded.priority
            """,
            [command.location_id for command in ordered],
            [command.name or None for command in ordered],
            [command.priority for command in ordered],
        )


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
