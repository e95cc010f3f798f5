"""`python -m benchmarks.reads`: how long lists, searches and timelines take while orders come in.

Each is asked for by one client, one after the other in turn, so that all are disturbed alike. Some are the worst that
can be: what a frequent customer never had, so that a page looks at all it may look at and finds nothing.
"""

import asyncio
import math
import signal
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Annotated, NamedTuple

import httpx
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import load
from benchmarks.basket import CUSTOMER, ONE_PRODUCT
from benchmarks.preload import store
from benchmarks.target import Target, fresh_system
from onhand.cli.api import ask
from onhand.cli.commands import examples, tool

ASKED_MS = 20.0
"""Within which 99 of 100 answers are to come."""
_ON_HAND = 2**31 - 1
_CONNECTIONS = 16
_LAST_SECONDS = 3

app = tool()


class Times(NamedTuple):
    """How long one kind of question took.

    Attributes:
        entries: in the last answer.
    """

    name: str
    milliseconds: Sequence[float]
    entries: int

    @property
    def p99(self) -> float:
        """Within which 99 of 100 answers came."""
        return sorted(self.milliseconds)[math.ceil(0.99 * len(self.milliseconds)) - 1]


@app.command(epilog=examples("python -m benchmarks.reads", "python -m benchmarks.reads --stored 100000 --rate 500"))
def reads(
    stored: Annotated[
        int, typer.Option(min=1000, metavar="N", help="Orders and products there are before.")
    ] = 1_000_000,
    rate: Annotated[int, typer.Option(min=0, metavar="N", help="Orders per second meanwhile; 0 for none.")] = 1000,
    times: Annotated[int, typer.Option(min=1, metavar="N", help="How often each is asked for.")] = 500,
) -> None:
    """Ask for lists, searches and timelines in a system in which much is stored and orders come in.

    The exit code is 1 if any of them takes more than 20 ms in one of a hundred times.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what was started is stopped
    with fresh_system() as target:
        found, created = asyncio.run(_run(target, stored, rate, times))
    table = Table("asked for", "entries", "p50", "p99", box=None, pad_edge=False)
    for it in found:
        table.add_row(it.name, str(it.entries), f"{median(it.milliseconds):.1f} ms", f"{it.p99:.1f} ms")
    out = Console(width=120)
    out.print(f"{stored:,} orders and products stored, {created:,.0f} orders/s meanwhile, each asked for {times} times")
    out.print(table)
    raise typer.Exit(0 if all(it.p99 <= ASKED_MS for it in found) else 1)


async def _run(target: Target, stored: int, rate: int, times: int) -> tuple[list[Times], float]:
    await store(target.orders_url, target.inventory_url, stored)
    await asyncio.to_thread(ask, target.url, "PUT", "stock", "123", body={"onHand": _ON_HAND})
    # Before anything is measured there are some orders of the frequent customer and product, too.
    await load.run(target.url, ONE_PRODUCT, _CONNECTIONS, _LAST_SECONDS)
    asking = asyncio.create_task(asyncio.to_thread(_ask_all, target.url, stored, times))
    created, seconds = 0, 0
    while not asking.done():
        if rate:
            one = await load.run(target.url, ONE_PRODUCT, _CONNECTIONS, _LAST_SECONDS, rate)
            created, seconds = created + one.created, seconds + _LAST_SECONDS
        else:
            await asyncio.wait([asking])
    return await asking, created / max(seconds, 1)


def _questions(url: str, stored: int, client: httpx.Client) -> Mapping[str, str]:
    """What is asked for, in words and as path and query."""
    some = client.get(f"{url}/api/gateway/orders", params={"productId": f"stored-{stored // 2}"}).json()["orders"][0]
    return {
        "the newest orders": "orders",
        "the newest 200 orders": "orders?limit=200",
        "confirmed ones": "orders?status=confirmed",
        "rejected ones": "orders?status=rejected",
        "fulfilled ones": "orders?fulfilment=fulfilled",
        "those of a customer of many": "orders?customerId=stored",
        "those with a product of one": f"orders?productId={some['lines'][0]['productId']}",
        "those with a product of many": "orders?productId=123",
        "those of a reference": "orders?reference=nobody-has-it",
        "those created since a moment": f"orders?createdFrom={some['createdAt']}",
        "what a customer of many never had": "orders?customerId=stored&status=backordered",
        "what a product of many never had": "orders?productId=123&fulfilment=returned",
        "what no customer of many has": f"orders?customerId={CUSTOMER}&productId=nobody-has-it",
        "a state that no new order has": "orders?status=cancelled&fulfilment=unfulfilled",
        "one order": f"orders/{some['orderId']}",
        "its timeline": f"orders/{some['orderId']}/events",
        "stock": "stock",
        "stock that ran out": "stock?depleted=true",
        "stock that runs low": "stock?low=true",
        "what ran out at a location": "stock?depleted=true&locationId=main",
    }


def _ask_all(url: str, stored: int, times: int) -> list[Times]:
    with httpx.Client(timeout=30, trust_env=False) as client:
        questions = _questions(url, stored, client)
        taken: dict[str, list[float]] = {name: [] for name in questions}
        entries = dict.fromkeys(questions, 0)
        for turn in range(times + 1):
            for name, path in questions.items():
                begun = time.perf_counter()
                response = client.get(f"{url}/api/gateway/{path}")
                if turn:  # the first time everything is cold, the client too
                    taken[name].append((time.perf_counter() - begun) * 1000)
                body = response.raise_for_status().json()
                entries[name] = next((len(it) for it in body.values() if isinstance(it, list)), 1)
    return [Times(name, taken[name], entries[name]) for name in questions]


if __name__ == "__main__":
    app()
