"""All scenarios, in the order in which they run."""

from tests.failures.scenarios.kills import KILLS

SCENARIOS = (KILLS,)
