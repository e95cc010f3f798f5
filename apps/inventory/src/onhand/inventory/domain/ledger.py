"""The ledger: what a command adds to it, and what it does to a level."""

from typing import NamedTuple
from uuid import UUID

from onhand.common.contracts.movements import MovementType


class Entry(NamedTuple):
    """One row of the ledger: units that came to a location or left it.

    Attributes:
        movement_id: the command's; of a sale or a return, that of the fulfilment or the return.
        entry_no: from 1 on; of a sale, the number of the row of the order in `reservations` that the units are from.
        quantity: units added or, below 0, taken away.
        on_hand: units at the location afterwards.
        order_id: of a sale or a return.
        incoming_id: what was received, if it was expected.
    """

    movement_id: UUID
    entry_no: int
    type: MovementType
    product_id: str
    location_id: str
    quantity: int
    on_hand: int
    order_id: UUID | None = None
    reason: str | None = None
    reference: str | None = None
    actor: str | None = None
    idempotency_key: str | None = None
    incoming_id: UUID | None = None
