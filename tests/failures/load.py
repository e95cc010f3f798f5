"""Load: clients that order, look at their orders and do all else, and write down all that happens to them."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random

from tests.e2e.system import System
from tests.e2e.waiting import eventually
from tests.failures.clients import Client
from tests.failures.history import History, Purchase, Record
from tests.failures.mix import Mix

CLIENTS = 12
_PAUSE_SECONDS = 0.06
"""Longest pause of a client between two requests: the suite looks for what breaks, not for what is fast."""
_LOOKS, _PURCHASES = 0.3, 0.45
"""Parts of the requests that look at an order and that place one; the others do all else."""


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
        self._mix = Mix(name)
        self._ended = threading.Event()

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
        self._mix.fill_shelves(self._system)

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
                count += 1
                await self._act(client, random, f"{name}-{count}")
                await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS))

    async def _act(self, client: Client, random: Random, key: str) -> None:
        """Do something, and now and then, if that must make no difference, do it twice."""
        mix, choice = self._mix, random.random()
        if mix.orders and choice < _LOOKS:
            self._note(await client.look(random.choice(mix.orders)[0]))
            return
        buys = choice < _LOOKS + _PURCHASES
        task = mix.next_wish(random, key) if buys else mix.next_errand(random, key)
        record = await client.act(task)
        self._note(record)
        while not self._ended.is_set() and mix.is_sent_again(random, record):
            self._note(record := await client.act(task))

    def _note(self, record: Record) -> None:
        self._history.add(record)
        self._mix.note(record)
        if isinstance(record, Purchase):
            self.answers[record.answer] += 1


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
