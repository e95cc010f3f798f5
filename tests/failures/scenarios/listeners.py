"""Who listens, and who waits for the outcome of an order, while those die who would tell."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

from redis import Redis

from tests.e2e.replicas import Replica, second_replicas
from tests.e2e.system import SERVICES
from tests.e2e.traffic import set_stock
from tests.e2e.waiting import eventually
from tests.failures.audience import Seat, audience
from tests.failures.clients import Ask, Play, Wish, insist, play_together
from tests.failures.scenario import Run, Scenario

_PRODUCT = "listeners-own"
_BUYERS = 3
_WAIT_SECONDS = 5
_PAUSE_SECONDS = 0.1
_ENTRIES = 2
"""Of each order of these buyers: it is there, and it is confirmed."""


def listen(run: Run) -> None:
    """Kill who tells and who would be told of, and flush Redis, while some listen and some wait for an outcome."""
    set_stock(run.system, _PRODUCT, 1_000_000)
    others = () if run.is_short else ("gateway", "orders")
    with second_replicas(run.system, *others) as replicas:
        urls = [run.system.url("gateway"), *(replica.url for replica in replicas[:1])]
        with audience(run.system, [*(Seat([url]) for url in urls), Seat(urls)]) as listeners:
            faults = _faults(run, replicas)
            run.random.shuffle(faults)
            for number in run.rounds():
                some = faults[:2] if run.is_short else [run.random.choice(faults)]
                _break_while_some_wait(run, urls, f"listener-{number}", some)
        run.figures["listeners"] += len(listeners)
        run.figures["streams"] += sum(client.connections for client in listeners)
        run.figures["entries told"] += sum(len(client.events) for client in listeners)


def _faults(run: Run, replicas: Sequence[Replica]) -> list[Callable[[], None]]:
    killed = [partial(_kill, run, component) for component in (*SERVICES, "redis", "postgres")]
    return [partial(_flush, run), *killed, *(partial(_restart, run, replica) for replica in replicas)]


def _break_while_some_wait(run: Run, urls: list[str], name: str, faults: Sequence[Callable[[], None]]) -> None:
    """Let buyers order and wait for the outcome all the while; somebody listens to the first order of each."""
    customers = [f"{name}-{number}" for number in range(_BUYERS)]
    is_over = threading.Event()
    with audience(run.system, [Seat(urls, f"{customer}-1") for customer in customers]) as theirs:
        with ThreadPoolExecutor(max_workers=1) as thread:
            plays = [_buying(run, customer, is_over) for customer in customers]
            buying = thread.submit(play_together, urls[:1], run.history, plays)
            try:
                for fault in faults:
                    fault()
                    run.load.go_on()
            finally:
                is_over.set()
            buying.result()
        eventually(lambda: all(len(client.events) == _ENTRIES for client in theirs))
    run.figures["listeners"] += len(theirs)


def _buying(run: Run, customer: str, is_over: threading.Event) -> Play:
    async def buy(ask: Ask) -> None:
        for number in count(1):
            key = f"{customer}-{number}"
            told = await insist(ask, Wish(key, ((_PRODUCT, 1),), "backorder", key, wait_seconds=_WAIT_SECONDS))
            waited = told.answered_at - told.asked_at
            assert told.status == "confirmed" or waited >= _WAIT_SECONDS, f"{told} after {waited} s"
            run.figures["outcomes waited for"] += told.status == "confirmed"
            if is_over.is_set():
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    return buy


def _flush(run: Run) -> None:
    with Redis.from_url(run.system.redis_url) as redis:
        redis.flushall()
    run.figures["flushes"] += 1


def _kill(run: Run, component: str) -> None:
    run.system.kill(component)
    run.figures["kills"] += 1


def _restart(run: Run, replica: Replica) -> None:
    replica.kill()
    replica.start()
    eventually(replica.is_ready)
    run.figures["kills"] += 1


LISTENERS = Scenario(number=16, name="listeners", break_things=listen, settings={"STREAM_PARTITIONS": "2"})
