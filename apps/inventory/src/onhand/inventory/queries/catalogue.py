"""How products and locations are read."""

from collections.abc import Mapping, Sequence

from msgspec import UNSET

from onhand.common.contracts import (
    GetProduct,
    ListLocations,
    ListProducts,
    LocationEntry,
    LocationList,
    ProductDetails,
    ProductPage,
    Reply,
    RequestRefused,
)
from onhand.common.database import Transaction, walk_along_indexes
from onhand.common.messaging.envelope import Answer, Received
from onhand.inventory.store.catalogue import find_locations, find_products, product_of

_PAGE = """
    SELECT * FROM products WHERE product_id > $1::text AND product_id >= $2::text ORDER BY product_id LIMIT $3
"""


async def get_product(batch: Sequence[Received[GetProduct]], tx: Transaction) -> list[Answer]:
    """Answer each with what its product is."""
    products = await find_products(tx, {received.message.product_id for received in batch})
    return [Answer(to=received, reply=_tell(received.message.product_id, products)) for received in batch]


async def list_products(batch: Sequence[Received[ListProducts]], tx: Transaction) -> list[Answer]:
    """Answer each with a page of products."""
    await walk_along_indexes(tx)
    return [Answer(to=received, reply=await _find_page(received.message, tx)) for received in batch]


async def list_locations(batch: Sequence[Received[ListLocations]], tx: Transaction) -> list[Answer]:
    """Answer each with all locations."""
    locations = await find_locations(tx)
    entries = tuple(
        LocationEntry(location_id=each.location_id, name=each.name, priority=each.priority)
        for each in locations.values()
    )
    return [
        Answer(to=received, reply=LocationList(about=received.message.about, locations=entries)) for received in batch
    ]


async def _find_page(query: ListProducts, tx: Transaction) -> ProductPage:
    prefix = query.prefix or ""
    rows = await tx.fetch(_PAGE, query.after or "", prefix, query.limit + 1)
    # Ids are in the order of their bytes, so those that begin alike are next to each other.
    found = [product_of(row) for row in rows if row["product_id"].startswith(prefix)]
    page = found[: query.limit]
    return ProductPage(query.about, tuple(page), page[-1].product_id if len(page) < len(found) else UNSET)


def _tell(product_id: str, products: Mapping[str, ProductDetails]) -> Reply:
    return products.get(product_id) or RequestRefused(
        code="product-not-found", detail=f"There is no product {product_id}."
    )
