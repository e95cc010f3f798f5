"""How what is expected is read."""

from collections.abc import Sequence

from onhand.common.contracts import GetIncoming, RequestRefused
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received
from onhand.inventory.domain.incoming import tell_incoming
from onhand.inventory.store.incoming import find_incoming


async def get_incoming(batch: Sequence[Received[GetIncoming]], tx: Transaction) -> list[Answer]:
    """Answer each with what is expected under its id, as it stands."""
    incomings = await find_incoming(tx, {received.message.incoming_id for received in batch}, ())
    nothing = RequestRefused(code="incoming-not-found", detail="No such delivery of the product was ever expected.")
    return [
        Answer(to=received, reply=tell_incoming(found) if found else nothing)
        for received in batch
        for found in [incomings.find(received.message.incoming_id, received.message.product_id)]
    ]
