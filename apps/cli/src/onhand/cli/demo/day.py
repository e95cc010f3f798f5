"""A day of the demo's shop: from opening, at a steady rate of shoppers, until the time is over or somebody ends it."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from onhand.cli.demo.catalogue import make_catalogue
from onhand.cli.demo.figures import Figures, Summary
from onhand.cli.demo.requests import CONNECTIONS, Requests
from onhand.cli.demo.shop import Shop
from onhand.cli.demo.shoppers import Visit, visits

_LAST_SHOPPERS_SECONDS = 8.0
"""How long those who are in the shop when it closes may take."""
_FRAME_SECONDS = 0.25

ShowFigures = Callable[[Figures, float, str], None]
"""Is given the figures, the seconds since the beginning, and what is being done if it is not selling."""


class Plan(NamedTuple):
    """How long, how fast, and with which choices.

    Attributes:
        rate: shoppers a second.
        tag: what every id begins with.
    """

    url: str
    seconds: float
    rate: float
    seed: int
    tag: str


async def sell(plan: Plan, show: ShowFigures) -> Summary:
    """Run the shop; SIGINT and SIGTERM close it early, in the same way."""
    figures = Figures(plan.tag, plan.seed)
    products = make_catalogue(plan.tag, plan.rate)
    async with Requests(plan.url, figures) as requests:
        shop = Shop(requests, figures, products)
        with _asked_to_end() as ended:
            show(figures, 0.0, "filling the shelves")
            await shop.open()
            aside = [asyncio.create_task(it) for it in (shop.look_after_shelves(), _draw(shop, figures, show))]
            shoppers: set[asyncio.Task[None]] = set()
            try:
                await _let_in(plan, shop, figures, visits(plan.tag, products, plan.seed), shoppers, ended)
                seconds = shop.elapsed
                show(figures, seconds, "closing: the last shoppers")
                if shoppers:
                    await asyncio.wait(shoppers, timeout=_LAST_SHOPPERS_SECONDS)
            finally:
                await _end([*aside, *shoppers])
            show(figures, seconds, "closing: those who wait")
            await shop.close()
            show(figures, seconds, "closed")
            return figures.summary(seconds)


async def _let_in(
    plan: Plan,
    shop: Shop,
    figures: Figures,
    coming: Iterator[Visit],
    inside: set[asyncio.Task[None]],
    ended: asyncio.Event,
) -> None:
    """Let one shopper in after the other, at the rate, and nobody while the shop is full."""
    due = time.monotonic()
    while shop.elapsed < plan.seconds and not ended.is_set():
        visit = next(coming)
        if len(inside) < CONNECTIONS + int(plan.rate * 3):  # most of them think, or wait for a hold to expire
            task = asyncio.create_task(shop.serve(visit))
            inside.add(task)
            task.add_done_callback(inside.discard)
        else:
            figures.counts["skipped"] += 1
        due = max(
            due + 1 / plan.rate, time.monotonic() - 1
        )  # after a pause of the machine they do not come all at once
        try:
            await asyncio.wait_for(ended.wait(), max(0.0, due - time.monotonic()))
        except TimeoutError:
            continue


async def _draw(shop: Shop, figures: Figures, show: ShowFigures) -> None:
    while True:
        show(figures, shop.elapsed, "")
        await asyncio.sleep(_FRAME_SECONDS)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """End tasks; what one of them failed with is raised, unless it was only ended."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


@contextmanager
def _asked_to_end() -> Iterator[asyncio.Event]:
    """An event that the first SIGINT or SIGTERM sets; the second one ends the process."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)

    def end() -> None:
        ended.set()
        for it in signals:
            loop.remove_signal_handler(it)

    for it in signals:
        loop.add_signal_handler(it, end)
    try:
        yield ended
    finally:
        for it in signals:
            loop.remove_signal_handler(it)
