"""Deaths exactly where a crash would hurt most: between transaction, publishing and acknowledgement."""

import signal
import tempfile
from contextlib import ExitStack
from itertools import count

from onhand.common.failpoints import POINTS
from tests.e2e.replicas import Replica, second_replicas
from tests.e2e.waiting import eventually
from tests.failures.clients import Wish, act_together
from tests.failures.scenario import Run, Scenario

SWEEP = "before_sweep_commit"
SHORT = 2


def die_at_every_failpoint(run: Run) -> None:
    """Let a second replica die at each failpoint, each alone; in the end one is started that goes on."""
    points = [(service, point) for service, points in POINTS.items() for point in points]
    run.random.shuffle(points)
    for service, point in points[: SHORT if run.is_short else None]:
        _die_at(run, service, point)
        run.figures["failpoints"] += 1
        run.tell(run.figures)
    with second_replicas(run.system, *dict.fromkeys(service for service, _ in points)):
        run.load.go_on()


def _die_at(run: Run, service: str, point: str) -> None:
    points = ["after_commit", SWEEP] if point == SWEEP else [point]  # the first leaves something to be swept
    armed = ",".join(f"{service}.{it}" for it in points)
    home = tempfile.mkdtemp(dir=run.system.directory)  # where it is noted that a point has struck, for the next start
    replica = Replica(run.system, service, ONHAND_FAILPOINTS=armed, ONHAND_HOME=home)
    with ExitStack() as stack:
        stack.callback(replica.stop)
        for it in points:
            if it == SWEEP:
                stack.enter_context(run.system.paused(service))  # it would sweep as well
            replica.start()
            if service == "gateway":
                _use(replica, run)
            assert replica.wait() == -signal.SIGKILL, f"it was to die at {service}.{it}"


def _use(gateway: Replica, run: Run) -> None:
    """Place orders through the second gateway until it dies."""
    eventually(gateway.is_ready)
    for number in count():
        if gateway.has_ended():
            break
        wish = Wish(f"failpoint-{run.figures['failpoints']}-{number}", (("failpoints-plenty", 1),))
        act_together(gateway.url, run.history, [[wish]])


FAILPOINTS = Scenario(number=2, name="failpoints", break_things=die_at_every_failpoint, weight=2)
