"""How what is expected is read."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import UNSET

from onhand.common.contracts import GetIncoming, IncomingPage, ListIncoming, RequestRefused
from onhand.common.database import Transaction, walk_along_indexes
from onhand.common.messaging.envelope import Answer, Received
from onhand.inventory.domain.incoming import Incoming, tell_incoming
from onhand.inventory.store.incoming import find_incoming

_BEGINNING = UUID(int=0)
_PAGE = f"""
    SELECT {", ".join(Incoming._fields)} FROM incoming
    WHERE (product_id, incoming_id) > ($1::text, $2::uuid) AND replaced_at IS NULL AND quantity > 0
    ORDER BY product_id, incoming_id LIMIT $3
"""  # noqa: S608  # names of columns


async def get_incoming(batch: Sequence[Received[GetIncoming]], tx: Transaction) -> list[Answer]:
    """Answer each with what is expected under its id, as it stands."""
    incomings = await find_incoming(tx, {received.message.incoming_id for received in batch}, ())
    nothing = RequestRefused(code="incoming-not-found", detail="No such delivery of the product was ever expected.")
    return [
        Answer(to=received, reply=tell_incoming(found) if found else nothing)
        for received in batch
        for found in [incomings.find(received.message.incoming_id, received.message.product_id)]
    ]


async def list_incoming(batch: Sequence[Received[ListIncoming]], tx: Transaction) -> list[Answer]:
    """Answer each with a page of what is still to come."""
    await walk_along_indexes(tx)
    return [Answer(to=received, reply=await _find_page(received.message, tx)) for received in batch]


async def _find_page(query: ListIncoming, tx: Transaction) -> IncomingPage:
    after, product_id = query.after or _BEGINNING, query.product_id
    begin = product_id or await tx.fetchval("SELECT product_id FROM incoming WHERE incoming_id = $1 LIMIT 1", after)
    rows = [Incoming(*row) for row in await tx.fetch(_PAGE, begin or "", after, query.limit + 1)]
    found = [row for row in rows if product_id in (UNSET, row.product_id)]
    page = found[: query.limit]
    last = page[-1].incoming_id if len(page) < len(found) else UNSET
    return IncomingPage(query.about, tuple(map(tell_incoming, page)), last)
