"""How the stock of many products is listed: along one index, a bounded way for each page."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from onhand.common.contracts import ListStock, Reply, RequestRefused, StockPage
from onhand.common.database import Transaction, walk_along_indexes
from onhand.common.messaging.envelope import Answer, Received
from onhand.inventory.queries.stock import find_levels

MOST_WALKED = 2000
"""Products that one page looks at, whether they are what is asked for or not."""
MOST_LEVELS = 2000
"""Levels of the products of one page: one of them may be at a thousand locations."""

_WALKS: Mapping[str, tuple[str, str]] = {
    # Rows are compared as a whole, because only this index gives this order: along that of the products PostgreSQL
    # might walk past all that was never at the location.
    "location": (
        f"""
        SELECT there.product_id, there.location_id, low_stock_threshold, safety_stock FROM (
            SELECT product_id, location_id FROM stock_levels
            WHERE (location_id, product_id) > ($2::text, $1::text) AND location_id <= $2
            ORDER BY location_id, product_id LIMIT {MOST_WALKED}
        ) AS there CROSS JOIN LATERAL (
            SELECT low_stock_threshold, safety_stock FROM products WHERE products.product_id = there.product_id LIMIT 1
        ) AS known ORDER BY there.location_id, there.product_id
        """,  # noqa: S608  # a number of ours
        "walked.location_id, walked.product_id",
    ),
    "threshold": (
        f"""
        SELECT product_id, low_stock_threshold, safety_stock FROM products
        WHERE product_id > $1::text AND low_stock_threshold IS NOT NULL ORDER BY product_id LIMIT {MOST_WALKED}
        """,  # noqa: S608  # a number of ours
        "walked.product_id",
    ),
    "all": (
        f"""
        SELECT product_id, low_stock_threshold, safety_stock FROM products
        WHERE product_id > $1::text ORDER BY product_id LIMIT {MOST_WALKED}
        """,  # noqa: S608  # a number of ours
        "walked.product_id",
    ),
}
"""Walks along an index, and the order in which they go: by any other PostgreSQL would read all of it to sort it."""
# The last step of a walk that is broken off is told in any case, by the same statement: another one would see another
# state of the index.
_PAGES = {
    name: f"""
        SELECT product_id, is_wanted, step,
               (SELECT count(*) FROM stock_levels WHERE stock_levels.product_id = walked.product_id) AS levels
        FROM (
            SELECT walked.*, row_number() OVER (ORDER BY {order}) AS step,
                   (NOT $3::boolean OR promisable <= low_stock_threshold)
                   AND (NOT $4::boolean OR promisable = 0) AS is_wanted
            FROM ({walk}) AS walked CROSS JOIN LATERAL (
                SELECT coalesce(sum(greatest(on_hand - reserved - walked.safety_stock, 0)), 0) AS promisable
                FROM stock_levels
                WHERE stock_levels.product_id = walked.product_id AND ($2::text IS NULL OR location_id = $2)
            ) AS level
        ) AS walked
        WHERE is_wanted OR step = {MOST_WALKED} ORDER BY {order} LIMIT $5
    """  # noqa: S608  # from above
    for name, (walk, order) in _WALKS.items()
}


async def list_stock(batch: Sequence[Received[ListStock]], tx: Transaction) -> list[Answer]:
    """Answer each with a page of products and their stock, or that there is no such location."""
    await walk_along_indexes(tx)
    return [Answer(to=received, reply=await _find_page(received.message, tx)) for received in batch]


async def _find_page(query: ListStock, tx: Transaction) -> Reply:
    where = query.location_id or None
    if where is not None and not await tx.fetchval("SELECT true FROM locations WHERE location_id = $1", where):
        return RequestRefused(code="location-not-found", detail=f"There is no location {where}.")
    walk = "location" if where is not None else "threshold" if query.low else "all"
    rows = await tx.fetch(_PAGES[walk], query.after or "", where, query.low, query.depleted, query.limit + 1)
    found = [row for row in rows if row["is_wanted"]]
    page = [row["product_id"] for row in found[: _count_that_fit(found[: query.limit])]]
    if len(page) < len(found):
        last = page[-1]
    else:  # it was broken off, or came to the end of the index
        last = rows[-1]["product_id"] if rows and rows[-1]["step"] == MOST_WALKED else UNSET
    levels = await find_levels(tx, page)
    return StockPage(query.about, tuple(levels[each] for each in page), last)


def _count_that_fit(rows: Sequence[Any]) -> int:
    """How many of the first rows make a page that is not too long; at least one."""
    levels = 0
    for count, row in enumerate(rows):
        levels += row["levels"]
        if levels > MOST_LEVELS and count:
            return count
    return len(rows)
