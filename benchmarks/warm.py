"""A system that is about to be measured: its books are open, and nothing in it is cold."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from benchmarks.basket import Basket
from benchmarks.facts import durable_facts
from benchmarks.ledger import Ledger, open_ledger
from benchmarks.measure import run_round
from benchmarks.target import Target

_SECONDS = 3


@asynccontextmanager
async def warm(
    target: Target, basket: Basket, connections: int, seconds: int = _SECONDS
) -> AsyncGenerator[tuple[Ledger, dict[str, str]]]:
    """Load a system with what is on its shelf for a moment; gives its books, and what it is.

    Raises:
        NotDurable: it may lose what it has taken, so it is not loaded.
    """
    ledger = await open_ledger(target.orders_url, target.inventory_url, basket)
    try:
        known = await durable_facts(target.redis_url, ledger)
        await run_round(target, ledger, connections, min(seconds, _SECONDS))
        yield ledger, known
    finally:
        await ledger.close()
