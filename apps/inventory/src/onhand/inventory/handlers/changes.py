"""What follows from changed levels, whatever changed them: backorders are filled, levels stored, signals told."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Publish, Received
from onhand.inventory.domain.levels import Stock
from onhand.inventory.domain.signals import signals_of
from onhand.inventory.handlers.backorders import fill_backorders
from onhand.inventory.handlers.incoming import renew_promises
from onhand.inventory.store.catalogue import count_crossings
from onhand.inventory.store.levels import save_levels

Causes = Mapping[str, Received[Any]]
"""For each product, the message that changed it; none for what a timer sets off."""


async def store_changes(tx: Transaction, stock: Stock, causes: Causes) -> list[Publish]:
    """Do what follows from what was changed in memory. To be called once, at the end of a handler.

    Units that can be promised now go to the orders that wait for them, so that no new order gets them first.

    Args:
        tx: the transaction.
        stock: locked in it, and changed.
        causes: of the changes.

    Returns:
        What is to be told.
    """
    raised = [name for name in stock.products if stock.promisable(name) > stock.promisable_before(name)]
    events = await fill_backorders(tx, stock, raised, causes) if raised else []
    await save_levels(tx, stock.changed())
    return [
        *events,
        *await renew_promises(tx, stock, list(stock.products), causes),
        *await tell_signals(tx, stock, causes),
    ]


async def tell_signals(tx: Transaction, stock: Stock, causes: Causes) -> list[Publish]:
    """Count the crossings of thresholds and tell of them; costs nothing if there are none."""
    signals = signals_of(stock)
    if not signals:
        return []
    before = await count_crossings(tx, [signal.product_id for signal in signals])
    return [
        Publish(
            structs.replace(signal, crossing=before[signal.product_id] + signal.crossing),
            causes.get(signal.product_id),
        )
        for signal in signals
    ]
