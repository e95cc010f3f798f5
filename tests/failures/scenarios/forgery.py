"""Somebody who has access to Redis and means no good."""

import time
from collections import defaultdict
from uuid import UUID

from redis import Redis

from onhand.cli.system import COMPONENTS
from onhand.common.messaging.entries import stream_key
from tests.e2e.databases import read
from tests.e2e.system import System
from tests.e2e.waiting import eventually
from tests.failures.forged import READERS, Forgery, contradictions, forgeries
from tests.failures.scenario import Run, Scenario

_AT_ONCE = 15


def forge(run: Run) -> None:
    """Put garbage, truncated and huge entries and lies on the streams by hand, and strings where streams should be."""
    before = run.system.pids(*COMPONENTS)
    with Redis.from_url(run.system.redis_url, decode_responses=True) as redis:
        for _ in run.rounds():
            _put(run, redis, forgeries(run.random, _AT_ONCE))
            for status in ("confirmed", "rejected"):
                _put(run, redis, contradictions(_some_order(run, status)))
            _put_in_place_of_a_stream(run, redis)
            run.load.go_on()
    assert run.system.pids(*COMPONENTS) == before, "nobody had to be started again"


def _put(run: Run, redis: Redis, entries: list[Forgery]) -> None:
    """Add entries, wait until those that no handler can take are dead letters, and take them away from there."""
    buried: defaultdict[str, list[str]] = defaultdict(list)
    for forgery in entries:
        words = [word for field in forgery.fields.items() for word in field]
        entry_id: str = redis.execute_command("XADD", stream_key(forgery.topic), "*", *words)
        if forgery.is_buried:
            buried[forgery.topic].append(entry_id)
        run.figures[f"{forgery.kind} entries"] += 1
    for topic, entry_ids in buried.items():
        eventually(lambda topic=topic, entry_ids=entry_ids: _are_buried(run.system, topic, entry_ids))  # type: ignore[misc]
        _exhume(run.system, topic, entry_ids)
        run.figures["dead letters"] += len(entry_ids)


def _are_buried(system: System, topic: str, entry_ids: list[str]) -> bool:
    query = "SELECT DISTINCT entry_id FROM dead_letters WHERE topic = $1 AND entry_id = ANY($2)"
    return len(read(system, READERS[topic], query, topic, entry_ids)) == len(entry_ids)


def _exhume(system: System, topic: str, entry_ids: list[str]) -> None:
    """Delete dead letters that are explained: any other that is there in the end is a finding."""
    read(system, READERS[topic], "DELETE FROM dead_letters WHERE topic = $1 AND entry_id = ANY($2)", topic, entry_ids)


def _some_order(run: Run, status: str) -> UUID:
    """An order that has ended so."""
    query = "SELECT order_id FROM orders WHERE status = $1 ORDER BY updated_at DESC LIMIT 1"
    (row,) = eventually(lambda: read(run.system, "orders", query, status))
    order_id: UUID = row["order_id"]
    return order_id


def _put_in_place_of_a_stream(run: Run, redis: Redis) -> None:
    """Delete a stream with all that is on it, have something else stand there for a while, and delete that, too."""
    key = stream_key(run.random.choice(list(READERS)))
    redis.delete(key)
    while not redis.set(key, "no stream", nx=True):  # somebody was quicker and began it anew
        redis.delete(key)
    try:
        time.sleep(run.random.uniform(0.1, 0.5))
    finally:
        redis.delete(key)
    run.figures["strings for streams"] += 1


FORGERY = Scenario(number=14, name="forgery", break_things=forge)
