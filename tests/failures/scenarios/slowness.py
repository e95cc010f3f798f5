"""A consumer that is too slow for what comes in."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from redis import Redis

from onhand.common.contracts import OrderCreated
from onhand.common.messaging.entries import stream_key
from onhand.common.messaging.envelope import encode, wrap
from tests.e2e.backlog import unread
from tests.e2e.databases import read
from tests.e2e.system import SERVICES, System
from tests.e2e.waiting import eventually
from tests.failures.scenario import Run, Scenario

_SLOWED = 100
_PERIOD_SECONDS = 0.2
_MAX_BACKLOG = 1000
_MOST_ENTRIES = 1_000_000
_ENTRIES_PER_SECOND = 5000
"""How many entries are made for each second of the scenario."""
_ROOM_MB = 300
"""What a process may take, however much waits; Redis, which holds it, takes 1 kB more for each entry."""

_REPEAT = "for i = 1, ARGV[2] do redis.call('XADD', KEYS[1], '*', 'event', ARGV[1]) end"


def slow_down(run: Run) -> None:
    """Let Inventory have a hundredth of its time, with up to a million entries to read, and then all of it again."""
    entries = min(_MOST_ENTRIES, 2 * _MAX_BACKLOG + int(run.seconds * _ENTRIES_PER_SECOND))
    with _slowed(run.system, "inventory"):
        with run.system.paused("inventory"):
            _pile_up(run, entries)
            refused = run.load.answers[503]
            eventually(lambda: run.load.answers[503] > refused)
        for _ in run.rounds():
            _note_memory(run, entries)
            time.sleep(_PERIOD_SECONDS)
    began = time.monotonic()
    while unread(run.system):
        _note_memory(run, entries)
        assert time.monotonic() - began < 60 + entries / 1000, unread(run.system)
        time.sleep(_PERIOD_SECONDS)
    run.figures["seconds until all was read"] += round(time.monotonic() - began)


@contextmanager
def _slowed(system: System, component: str) -> Iterator[None]:
    """Let a component run for a hundredth of the time, for the length of the block."""
    process = eventually(lambda: system.process(component))
    ended = threading.Event()

    def hold() -> None:
        while not ended.is_set():
            process.suspend()
            ended.wait(_PERIOD_SECONDS * (1 - 1 / _SLOWED))
            process.resume()
            time.sleep(_PERIOD_SECONDS / _SLOWED)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _pile_up(run: Run, entries: int) -> None:
    """Tell Inventory again, many times, of orders that it has decided: each time it has to say how."""
    query = """
        SELECT data FROM orders JOIN order_events USING (order_id)
        WHERE status <> 'pending' AND order_events.version = 1 LIMIT 20
    """
    orders = eventually(lambda: read(run.system, "orders", query))
    with Redis.from_url(run.system.redis_url) as redis:
        for row in orders:
            told = msgspec.json.decode(row["data"], type=OrderCreated)
            payload = encode(wrap(told, source="/orders"))
            redis.eval(_REPEAT, 1, stream_key(OrderCreated.TOPIC), payload, str(entries // len(orders)))
            run.figures["entries of backlog"] += entries // len(orders)


def _note_memory(run: Run, entries: int) -> None:
    """Make sure that no process grows with what waits, but for Redis, which has to hold it."""
    for component, room in {**dict.fromkeys(SERVICES, _ROOM_MB), "redis": _ROOM_MB + entries // 1000}.items():
        process = run.system.process(component)
        assert process is not None, f"{component} is down"
        taken = process.memory_info().rss >> 20
        assert taken < room, f"{component} takes {taken} MB"
        name = f"MB of {'Redis' if component == 'redis' else 'a service'}"
        run.figures[name] = max(taken, run.figures[name])


SLOWNESS = Scenario(number=12, name="slowness", break_things=slow_down, settings={"MAX_BACKLOG": str(_MAX_BACKLOG)})
