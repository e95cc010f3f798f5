"""Load: clients that place orders and look at them again, and write down all that happens to them."""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random

from tests.e2e.system import System
from tests.e2e.traffic import set_stock
from tests.e2e.waiting import eventually
from tests.failures.clients import Client, Wish
from tests.failures.history import History, Purchase

CLIENTS = 12
_PAUSE_SECONDS = 0.06
"""Longest pause of a client between two requests: the suite looks for what breaks, not for what is fast."""
_LOOKS = 0.4
"""Part of the requests that look at an order."""


def seeded(seed: int, purpose: str) -> Random:
    """A source of chance of its own for each purpose: what one takes does not change what another gets."""
    return Random(f"{seed}/{purpose}")  # noqa: S311  # repeatable on purpose


class Load:
    """What the clients have done so far, and what they may buy.

    Attributes:
        answers: how often each HTTP status came for an order, `NO_ANSWER` among them.
    """

    def __init__(self, system: System, history: History, name: str, seed: int) -> None:
        self.answers: Counter[int] = Counter()
        self._system = system
        self._history = history
        self._name = name
        self._seed = seed
        self._recent: deque[str] = deque(maxlen=50)
        self._ended = threading.Event()
        self._shelves = {f"{name}-plenty": 1_000_000, f"{name}-scarce": 50, f"{name}-hot": 500}
        self._products = [*self._shelves, f"{name}-plenty", f"{name}-unknown"]

    @property
    def accepted(self) -> int:
        """Orders answered 201."""
        return self.answers[201]

    def go_on(self, orders: int = 20) -> None:
        """Wait until that many more orders were accepted."""
        goal = self.accepted + orders
        eventually(lambda: self.accepted >= goal, seconds=60)

    def fill_shelves(self) -> None:
        """Put there what is to be bought."""
        for product, on_hand in self._shelves.items():
            set_stock(self._system, product, on_hand)

    def stop(self) -> None:
        """Let every client finish what it is at."""
        self._ended.set()

    async def run(self, clients: int) -> None:
        """Be so many clients until `stop` is called."""
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(self._be_client(f"{self._name}-{number}"))

    async def _be_client(self, name: str) -> None:
        random = seeded(self._seed, name)
        count = 0
        async with Client(name, self._system.url("gateway")) as client:
            while not self._ended.is_set():
                if self._recent and random.random() < _LOOKS:
                    self._history.add(await client.look(random.choice(self._recent)))
                else:
                    count += 1
                    wish = Wish(f"{name}-{count}", random.choice(self._products), random.randint(1, 3))
                    self._note(await client.buy(wish))
                await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS))

    def _note(self, purchase: Purchase) -> None:
        self._history.add(purchase)
        self.answers[purchase.answer] += 1
        if purchase.order_id:
            self._recent.append(purchase.order_id)


@contextmanager
def load(system: System, history: History, name: str, seed: int, clients: int = CLIENTS) -> Iterator[Load]:
    """Put load on a system for the length of the block.

    Args:
        system: runs.
        history: where everything is written down.
        name: of clients and products; no other load on this system may have it.
        seed: decides who does what; not when, which is up to the system.
        clients: how many there are.
    """
    made = Load(system, history, name, seed)
    made.fill_shelves()
    with ThreadPoolExecutor(max_workers=1) as thread:
        running = thread.submit(asyncio.run, made.run(clients))
        try:
            yield made
        finally:
            made.stop()
            running.result()
