"""How holds are read."""

from collections.abc import Sequence

from onhand.common.contracts import GetHold, RequestRefused
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Received
from onhand.inventory.domain.holds import describe
from onhand.inventory.store.holds import find_holds


async def get_hold(batch: Sequence[Received[GetHold]], tx: Transaction) -> list[Answer]:
    """Answer each with its hold as it stands."""
    found = await find_holds(tx, {received.message.reservation_id for received in batch})
    nothing = RequestRefused(code="reservation-not-found", detail="There is no such reservation.")
    return [
        Answer(to=received, reply=describe(hold) if (hold := found.get(received.message.reservation_id)) else nothing)
        for received in batch
    ]
