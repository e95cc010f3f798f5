"""How products and locations are read."""

from collections.abc import Mapping, Sequence

from onhand.common.contracts import (
    GetProduct,
    ListLocations,
    LocationEntry,
    LocationList,
    ProductDetails,
    Reply,
    RequestRefused,
)
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received
from onhand.inventory.store.catalogue import find_locations, find_products


async def get_product(batch: Sequence[Received[GetProduct]], tx: Transaction) -> list[Answer]:
    """Answer each with what its product is."""
    products = await find_products(tx, {received.message.product_id for received in batch})
    return [Answer(to=received, reply=_tell(received.message.product_id, products)) for received in batch]


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


def _tell(product_id: str, products: Mapping[str, ProductDetails]) -> Reply:
    return products.get(product_id) or RequestRefused(
        code="product-not-found", detail=f"There is no product {product_id}."
    )
