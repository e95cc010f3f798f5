"""Processes that stand still and do not know it."""

import time

from redis import Redis

from tests.e2e.replicas import second_replicas
from tests.e2e.waiting import eventually
from tests.failures.scenario import Run, Scenario


def freeze_a_replica(run: Run) -> None:
    """SIGSTOP a replica that has work in hand until its peer has claimed and done all of it, then SIGCONT."""
    with second_replicas(run.system, "orders", "inventory"):
        for _ in run.rounds():
            _freeze(run, run.random.choice(["orders", "inventory"]))


def _freeze(run: Run, service: str) -> None:
    consumer = f"{service}-1"
    has_claimed = False
    while not has_claimed:
        time.sleep(run.random.uniform(0, 0.1))
        with run.system.paused(service):
            if in_hand := _in_hand(run, service, consumer):
                eventually(lambda: not _in_hand(run, service, consumer))
                run.load.go_on()
                run.figures["freezes"] += 1
                run.figures["entries claimed"] += in_hand
                has_claimed = True


def _in_hand(run: Run, group: str, consumer: str) -> int:
    """How many entries a consumer was given and has not acknowledged."""
    with Redis.from_url(run.system.redis_url, decode_responses=True) as redis:
        return sum(
            found["pending"]
            for key in redis.scan_iter(_type="stream")
            for it in redis.xinfo_groups(key)
            if it["name"] == group
            for found in redis.xinfo_consumers(key, group)
            if found["name"] == consumer
        )


FREEZE = Scenario(number=6, name="freeze", break_things=freeze_a_replica)
