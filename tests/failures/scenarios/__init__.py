"""All scenarios, in the order in which they run."""

from tests.failures.scenarios.clocks import CLOCKS
from tests.failures.scenarios.clusters import CLUSTER, ROLLING_ON_CLUSTER
from tests.failures.scenarios.contention import LAST_UNIT, OPPOSITE_ORDERS
from tests.failures.scenarios.failpoints import FAILPOINTS
from tests.failures.scenarios.forgery import FORGERY
from tests.failures.scenarios.kills import KILLS
from tests.failures.scenarios.listeners import LISTENERS
from tests.failures.scenarios.networks import LOST_REPLIES
from tests.failures.scenarios.pauses import FREEZE
from tests.failures.scenarios.races import SHOP
from tests.failures.scenarios.redis_loss import DELETE_FILES, FLUSH, SNAPSHOT
from tests.failures.scenarios.repetition import REPETITION
from tests.failures.scenarios.rolling import ROLLING
from tests.failures.scenarios.slowness import SLOWNESS
from tests.failures.scenarios.space import FULL_DISKS, FULL_MEMORY

SCENARIOS = (
    KILLS,
    FAILPOINTS,
    FLUSH,
    DELETE_FILES,
    SNAPSHOT,
    CLUSTER,
    LOST_REPLIES,
    REPETITION,
    LAST_UNIT,
    OPPOSITE_ORDERS,
    FULL_DISKS,
    FULL_MEMORY,
    CLOCKS,
    FREEZE,
    SLOWNESS,
    ROLLING,
    ROLLING_ON_CLUSTER,
    SHOP,
    FORGERY,
    LISTENERS,
)
