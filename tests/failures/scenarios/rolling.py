"""Deployments: everything is stopped and started in turn, and nobody should notice."""

import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import cycle

from tests.e2e.replicas import Replica, second_replicas
from tests.e2e.system import SERVICES
from tests.e2e.waiting import eventually
from tests.failures.scenario import Run, Scenario


def restart_in_turn(run: Run) -> None:
    """SIGTERM every service in turn, two replicas of each but the gateway: clients see no error but 503 or refusal."""
    began = time.monotonic()
    with second_replicas(run.system, "orders", "inventory") as replicas:
        restarts: list[Callable[[], None]] = [partial(run.system.restart, service) for service in SERVICES]
        restarts += [partial(_restart, replica) for replica in replicas]
        run.random.shuffle(restarts)
        for _, restart in zip(run.rounds(), cycle(restarts), strict=False):
            restart()
            run.figures["restarts"] += 1
    unknown = Counter(
        (record.answer, record.error) for record in run.history.read() if record.is_unknown and record.asked_at > began
    )
    assert not unknown, f"clients were left in the dark: {dict(unknown)}"


def _restart(replica: Replica) -> None:
    replica.stop()
    replica.start()
    eventually(replica.is_ready)


ROLLING = Scenario(number=13, name="rolling", break_things=restart_in_turn)
