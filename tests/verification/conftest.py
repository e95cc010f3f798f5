from uuid import UUID

import pytest

from onhand.cli.verification.snapshots import Books
from onhand.common.contracts import (
    CancelOrder,
    CreateOrder,
    FulfilOrder,
    HoldStock,
    Line,
    ReceiveStock,
    ReleaseHold,
    ReturnOrder,
    SetStock,
)
from onhand.common.contracts.orders import Policy
from onhand.common.database import Database
from tests.verification.breaking import (
    CANCELLED,
    ENDED,
    HELD,
    LATER,
    MILK,
    PARCEL,
    RELEASED,
    RETURN,
    SENT,
    TEA,
    USED,
    USER,
    WAITING,
)
from tests.verification.office import bring


@pytest.fixture
async def books(orders_database: Database, inventory_database: Database) -> Books:
    """Orders and holds that the services have taken and worked on, and nothing on its way."""
    books = Books(orders_database, inventory_database)
    await fill(books)
    return books


async def fill(books: Books) -> None:
    """Have a bit of everything: each order and hold of `breaking.py`."""
    there = {"tea": 10, "milk": 1, "jam": 2, "cake": 8}
    for number, (product_id, units) in enumerate(there.items()):
        await bring(books, SetStock(movement_id=UUID(int=100 + number), product_id=product_id, on_hand=units))
    cake = [Line("cake", 2)]
    await bring(
        books,
        new_order(TEA, Line("tea", 3)),
        new_order(MILK, Line("milk", 9)),
        new_order(WAITING, Line("jam", 5), policy="backorder"),
        new_order(LATER, Line("jam", 1), policy="backorder"),
        new_order(SENT, Line("tea", 1), *cake),
        FulfilOrder(order_id=SENT, fulfilment_id=PARCEL, lines=tuple(cake)),
        ReturnOrder(order_id=SENT, return_id=RETURN, lines=(Line("cake", 1),)),
        new_order(CANCELLED, Line("tea", 2)),
        CancelOrder(order_id=CANCELLED, reason="too late"),
        HoldStock(reservation_id=HELD, lines=(Line("cake", 1),), ttl_seconds=3600),
        HoldStock(reservation_id=USED, lines=(Line("cake", 3),), ttl_seconds=3600),
        new_order(USER, Line("cake", 2), hold_id=USED),
        HoldStock(reservation_id=RELEASED, lines=(Line("cake", 1),), ttl_seconds=3600),
        ReleaseHold(reservation_id=RELEASED),
        new_order(ENDED, Line("cake", 1), hold_id=RELEASED),
        ReceiveStock(movement_id=UUID(int=110), product_id="jam", quantity=1),
    )


def new_order(
    order_id: UUID, *lines: Line, policy: Policy = "all-or-nothing", hold_id: UUID | None = None
) -> CreateOrder:
    """What a customer asks for."""
    if hold_id is None:
        return CreateOrder(order_id=order_id, customer_id="ann", lines=lines, policy=policy)
    return CreateOrder(order_id=order_id, customer_id="ann", lines=lines, policy=policy, reservation_id=hold_id)
