"""Processes that end without a warning."""

import time

from onhand.cli.system import COMPONENTS
from tests.failures.scenario import Run, Scenario


def kill_at_random(run: Run) -> None:
    """SIGKILL a random process of the system every 0.2 to 2 s."""
    for _ in run.rounds():
        time.sleep(run.random.uniform(0.2, 2))
        up = [component for component in COMPONENTS if run.system.process(component)]
        if up and run.system.kill_if_up(run.random.choice(up)):
            run.figures["kills"] += 1


KILLS = Scenario(number=1, name="kills", break_things=kill_at_random, weight=4)
