"""How the stock of products is read."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

from msgspec import structs

from onhand.common.contracts import CheckStock, LocationLevel, Reply, RequestRefused, StockLevel
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received


async def check_stock(batch: Sequence[Received[CheckStock]], tx: Transaction) -> list[Answer]:
    """Answer each with its product's stock and, if it asked for a quantity, whether that many can be promised."""
    levels = await find_levels(tx, {received.message.product_id for received in batch})
    return [Answer(to=received, reply=_tell(received.message, levels)) for received in batch]


async def find_levels(tx: Transaction, product_ids: Collection[str]) -> dict[str, StockLevel]:
    """Read the stock of products; unknown ones are left out."""
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
        list(product_ids),
    )
    return {
        product_id: _sum_up(
            product_id,
            [LocationLevel(**{name: row[name] for name in LocationLevel.__struct_fields__}) for row in of_product],
        )
        for product_id, of_product in groupby(rows, key=lambda row: row["product_id"])
    }


def _sum_up(product_id: str, levels: Sequence[LocationLevel]) -> StockLevel:
    return StockLevel(
        product_id=product_id,
        on_hand=sum(level.on_hand for level in levels),
        reserved=sum(level.reserved for level in levels),
        available=sum(level.available for level in levels),
        incoming=sum(level.incoming for level in levels),
        safety_stock=levels[0].safety_stock,
        available_to_promise=sum(max(0, level.available - level.safety_stock) for level in levels),
        locations=tuple(levels),
    )


def _tell(query: CheckStock, levels: Mapping[str, StockLevel]) -> Reply:
    level = levels.get(query.product_id)
    if level is None:
        return RequestRefused(code="product-not-found", detail=f"There is no product {query.product_id}.")
    if isinstance(query.quantity, int):
        return structs.replace(level, in_stock=query.quantity <= (level.available_to_promise or 0))
    return level
