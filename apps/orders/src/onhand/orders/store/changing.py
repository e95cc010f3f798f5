"""How fulfilments, returns and cancellations under a key are known again."""

from collections.abc import Collection, Mapping
from uuid import UUID

import msgspec

from onhand.common.contracts import CancelOrder, FulfilOrder, ReturnOrder
from onhand.common.database import Transaction
from onhand.common.messaging.versions import by_type, read

Request = CancelOrder | FulfilOrder | ReturnOrder
_KINDS: Mapping[str, type[Request]] = by_type((CancelOrder, FulfilOrder, ReturnOrder))


async def find_requests(tx: Transaction, change_ids: Collection[UUID]) -> dict[UUID, Request]:
    """Read, by the id of what they ask for, which commands were carried out; the others are left out.

    To be read after the orders are locked: what another replica carried out meanwhile is visible only then.
    """
    rows = await tx.fetch("SELECT change_id, type, data FROM order_changes WHERE change_id = ANY($1)", list(change_ids))
    return {row["change_id"]: read(_KINDS[row["type"]], row["type"], row["data"]) for row in rows}


async def save_requests(tx: Transaction, requests: Mapping[UUID, Request]) -> None:
    """Note which commands were carried out, by the id of what they ask for.

    Raises:
        asyncpg.UniqueViolationError: another replica has just used one of the ids, for another order.
    """
    if requests:
        await tx.execute(
            """
            INSERT INTO order_changes (change_id, order_id, type, data)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[])
            """,
            list(requests),
            [request.order_id for request in requests.values()],
            [request.TYPE for request in requests.values()],
            [msgspec.json.encode(request).decode() for request in requests.values()],
        )
