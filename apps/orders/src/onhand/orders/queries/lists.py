"""How orders are listed and searched: along one index, a bounded way for each page."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import UNSET

from onhand.common.contracts import ListOrders, OrderPage
from onhand.common.database import Transaction, walk_along_indexes
from onhand.common.messaging.envelope import Answer, Received
from onhand.orders.domain.orders import details
from onhand.orders.store.rows import order_of

MOST_WALKED = 2000
"""Orders that one page looks at, whether they are what is asked for or not."""
MOST_CHARACTERS = 500_000
"""Of the lines and labels of the orders of one page: a reply has to pass through Redis with others."""
SLACK = timedelta(minutes=10)
"""By how much the time in an order's id, the gateway's, may differ from the one at which it was stored."""

_LAST_ID = UUID(int=2**128 - 1)


def _along(column: str, wanted: str, where: str) -> tuple[str, str]:
    """A walk along an index over a column and the id, and the order in which it goes.

    Rows are compared as a whole, because by the column alone PostgreSQL might prefer to walk along the primary key
    past all that is not asked for, and only the index gives this order.
    """
    order = f"{column} DESC, order_id DESC"
    walk = f"""
        SELECT * FROM orders
        WHERE ({column}, order_id) < ({wanted}, $1::uuid) AND ({column}, order_id) >= ({wanted}, $2::uuid) AND {where}
        ORDER BY {order} LIMIT {MOST_WALKED}
    """  # noqa: S608  # names of columns and parameters
    return walk, order


_WALKS: Mapping[str, tuple[str, str]] = {
    "reference": _along("reference", "$7::text", "reference IS NOT NULL"),
    "customer": _along("customer_id", "$5::text", "true"),
    "product": (
        f"""
        SELECT found.*, walked_id FROM (
            SELECT order_id AS walked_id FROM order_products
            WHERE product_id = $6::text AND order_id < $1 AND order_id >= $2 ORDER BY order_id DESC LIMIT {MOST_WALKED}
        ) AS of_product
        CROSS JOIN LATERAL (SELECT * FROM orders WHERE orders.order_id = walked_id LIMIT 1) AS found
        ORDER BY walked_id DESC
        """,  # noqa: S608  # a number of ours
        "walked_id DESC",
    ),
    "status": _along("rare_status", "$3::text", "rare_status IS NOT NULL"),
    "fulfilment": _along("fulfilment", "$4::text", "fulfilment <> 'unfulfilled'"),
    "all": (
        f"SELECT * FROM orders WHERE order_id < $1 AND order_id >= $2 ORDER BY order_id DESC LIMIT {MOST_WALKED}",  # noqa: S608  # a number of ours
        "order_id DESC",
    ),
}
_IS_WANTED = """
    ($3::text IS NULL OR status = $3) AND ($4::text IS NULL OR fulfilment = $4)
    AND ($5::text IS NULL OR customer_id = $5)
    AND ($6::text IS NULL OR lines @> jsonb_build_array(jsonb_build_object('productId', $6)))
    AND ($7::text IS NULL OR reference = $7)
    AND ($8::timestamptz IS NULL OR created_at >= $8) AND ($9::timestamptz IS NULL OR created_at < $9)
"""
# The last step of a walk that is broken off is told in any case, by the same statement: another one would see another
# state of the index, and where it stopped something could be missed or told twice.
_PAGES = {
    name: f"""
        SELECT * FROM (
            SELECT *, {_IS_WANTED} AS is_wanted, row_number() OVER (ORDER BY {order}) AS step FROM ({walk}) AS walked
        ) AS walked WHERE is_wanted OR step = {MOST_WALKED} ORDER BY {order} LIMIT $10
    """  # noqa: S608  # from above
    for name, (walk, order) in _WALKS.items()
}


async def list_orders(batch: Sequence[Received[ListOrders]], tx: Transaction) -> list[Answer]:
    """Answer each with a page of orders."""
    await walk_along_indexes(tx)
    return [Answer(to=received, reply=await _find_page(received.message, tx)) for received in batch]


async def _find_page(query: ListOrders, tx: Transaction) -> OrderPage:
    walk, wanted = _walk_for(query), _parameters(query)
    rows = await tx.fetch(_PAGES[walk], *wanted, query.limit + 1)
    found = [row for row in rows if row["is_wanted"]]
    page = found[: _count_that_fit(found[: query.limit])]
    if len(page) < len(found):
        last = page[-1]["order_id"]
    else:  # it was broken off, or came to the end of the index
        last = rows[-1]["order_id"] if rows and rows[-1]["step"] == MOST_WALKED else UNSET
    return OrderPage(query.about, tuple(details(order_of(row)) for row in page), last)


def _walk_for(query: ListOrders) -> str:
    """The index that leads past the fewest orders, as far as that can be told beforehand."""
    if query.reference is not UNSET:
        return "reference"
    if query.customer_id is not UNSET:
        return "customer"
    if query.product_id is not UNSET:
        return "product"
    if query.status in ("backordered", "rejected", "cancelled"):
        return "status"
    return "all" if query.fulfilment in (UNSET, "unfulfilled") else "fulfilment"


def _parameters(query: ListOrders) -> list[object]:
    """What the statements above have in the places $1 to $9."""
    before = query.before or _LAST_ID
    if query.created_to is not UNSET:
        before = min(before, _first_id_at(query.created_to + SLACK))
    earliest = UUID(int=0) if query.created_from is UNSET else _first_id_at(query.created_from - SLACK)
    filters = (query.status, query.fulfilment, query.customer_id, query.product_id, query.reference)
    moments = (query.created_from, query.created_to)
    return [before, earliest, *(None if it is UNSET else it for it in (*filters, *moments))]


def _first_id_at(moment: datetime) -> UUID:
    """The lowest UUIDv7 of a moment (RFC 9562, 5.7); ids have 48 bits for milliseconds since 1970."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=min(max(milliseconds, 0), 2**48 - 1) << 80)


def _count_that_fit(rows: Sequence[Any]) -> int:
    """How many of the first rows make a page that is not too long; at least one."""
    characters = 0
    for count, row in enumerate(rows):
        characters += sum(len(row[name] or "") for name in ("lines", "progress", "metadata"))
        if characters > MOST_CHARACTERS and count:
            return count
    return len(rows)
