"""How the stock of products is read."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from msgspec import structs

from onhand.common.contracts import CheckStock, LocationLevel, Reply, RequestRefused, StockLevel
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received


async def check_stock(batch: Sequence[Received[CheckStock]], tx: Transaction) -> list[Answer]:
    """Answer each with its product's stock and, if it asked for a quantity, whether that many can be promised."""
    rows = await tx.fetch(
        """
        SELECT product_id, location_id, on_hand, reserved, on_hand - reserved AS available, safety_stock,
            coalesce((SELECT sum(quantity) FROM incoming
                      WHERE incoming.product_id = stock_levels.product_id
                        AND incoming.location_id = stock_levels.location_id
                        AND replaced_at IS NULL AND quantity > 0), 0)::integer AS incoming
        FROM stock_levels JOIN products USING (product_id) JOIN locations USING (location_id)
        WHERE product_id = ANY($1) ORDER BY product_id, priority, location_id
        """,
        list({received.message.product_id for received in batch}),
    )
    levels = {
        product_id: [
            LocationLevel(**{name: row[name] for name in LocationLevel.__struct_fields__}) for row in of_product
        ]
        for product_id, of_product in groupby(rows, key=lambda row: row["product_id"])
    }
    return [Answer(to=received, reply=_tell(received.message, levels)) for received in batch]


def _tell(query: CheckStock, levels: Mapping[str, Sequence[LocationLevel]]) -> Reply:
    of_product = levels.get(query.product_id)
    if of_product is None:
        return RequestRefused(code="product-not-found", detail=f"There is no product {query.product_id}.")
    promisable = sum(max(0, level.available - level.safety_stock) for level in of_product)
    answer = StockLevel(
        product_id=query.product_id,
        on_hand=sum(level.on_hand for level in of_product),
        reserved=sum(level.reserved for level in of_product),
        available=sum(level.available for level in of_product),
        incoming=sum(level.incoming for level in of_product),
        safety_stock=of_product[0].safety_stock,
        available_to_promise=promisable,
        locations=tuple(of_product),
    )
    if isinstance(query.quantity, int):
        answer = structs.replace(answer, in_stock=query.quantity <= promisable)
    return answer
