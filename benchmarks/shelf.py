"""Stock for what is ordered, put on the shelf by the public API."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from onhand.cli.api import open_client
from onhand.cli.client.gateway import Gateway
from onhand.cli.imports.sending import send
from onhand.common.errors import OnhandError

PLENTY = 2**31 - 1
"""More than is ordered in any run."""
_BATCH = 500
_AT_ONCE = 3


class NotShelved(OnhandError):
    """The gateway did not take the stock of a product."""


async def shelve(url: str, products: Sequence[str], units: int = PLENTY) -> None:
    """Set how many units there are of each product, in batches (`POST /api/gateway/stock/batch`).

    Raises:
        NotShelved, CutOff, Refused: the gateway did not take it.
    """
    items = [msgspec.json.encode({"type": "set", "productId": it, "onHand": units}) for it in products]
    batches = [items[begin : begin + _BATCH] for begin in range(0, len(items), _BATCH)]
    gateway, stopping, loop = Gateway(url, None, as_json=False), threading.Event(), asyncio.get_running_loop()
    with open_client() as client, ThreadPoolExecutor(_AT_ONCE) as pool:
        sending = [loop.run_in_executor(pool, send, gateway, client, batch, stopping) for batch in batches]
        try:
            outcomes = [outcome for of_batch in await asyncio.gather(*sending) for outcome in of_batch]
        finally:
            stopping.set()  # of what is under way when we are cancelled nothing is sent again
    for product, outcome in zip(products, outcomes, strict=True):
        if outcome.problem:
            raise NotShelved(f"the stock of {product} could not be set: {outcome.problem}")
