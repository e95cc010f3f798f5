"""Our own system, started as a user would."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from benchmarks.basket import ONE_PRODUCT
from benchmarks.facts import risks
from benchmarks.ledger import open_ledger
from benchmarks.subject import Onhand
from benchmarks.target import fresh_system
from benchmarks.volume import told, verify_target
from onhand.cli.api import ask


class Ours(Onhand):
    """Our system with its shelf."""

    async def shelve(self, units: int) -> None:
        """See to it that so many units of the product can be had."""
        (product,) = self.basket.products
        on_hand = (await self.ledger.books()).reserved_units + units
        await asyncio.to_thread(ask, self.url, "PUT", "stock", product, body={"onHand": on_hand})

    async def risks(self) -> list[str]:
        """Ask both databases and Redis."""
        return await risks(self.target.redis_url, self.ledger)

    async def verify(self) -> list[str]:
        """Ask what `onhand verify` asks."""
        return told(await verify_target(self.target))


@asynccontextmanager
async def onhand() -> AsyncGenerator[Ours]:
    """Start a fresh system and open its books."""
    with fresh_system() as target:
        ledger = await open_ledger(target.orders_url, target.inventory_url, ONE_PRODUCT)
        try:
            yield Ours(target, ledger)
        finally:
            await ledger.close()
