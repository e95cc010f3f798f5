"""A Redis Cluster whose servers change places, and services that are restarted on one."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.e2e.system import System
from tests.e2e.waiting import eventually
from tests.failures.audience import Seat, audience
from tests.failures.cluster import MASTERS, Cluster, Node, running_cluster
from tests.failures.scenario import Run, Scenario
from tests.failures.scenarios.rolling import restart_in_turn

_PARTITIONS = 6
_LISTENERS = 2


class SystemOnCluster(System):
    """A system with its own PostgreSQL, on a cluster that is not its own.

    Attributes:
        cluster: where the messages are.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str], cluster: Cluster) -> None:
        super().__init__(directory, {**settings, "REDIS_URL": cluster.url, "STREAM_PARTITIONS": str(_PARTITIONS)})
        self.cluster = cluster


@contextmanager
def system_on_cluster(**settings: str) -> Iterator[SystemOnCluster]:
    """Make a system, not yet started, on a running cluster, and clean up after both."""
    with tempfile.TemporaryDirectory(prefix="onhand-e2e-") as name, running_cluster(Path(name) / "cluster") as cluster:
        directory = Path(name) / "system"
        directory.mkdir()
        system = SystemOnCluster(directory, settings, cluster)
        try:
            yield system
        finally:
            system.close()


def replace_masters(run: Run) -> None:
    """Kill or freeze a master of a Redis Cluster until its replica is promoted, or swap the two; some listen."""
    assert isinstance(run.system, SystemOnCluster)
    cluster = run.system.cluster
    with audience(run.system, [Seat([run.system.url("gateway")])] * _LISTENERS) as listeners:
        _replace_masters(run, cluster)
    run.figures["entries told"] += sum(len(client.events) for client in listeners)


def _replace_masters(run: Run, cluster: Cluster) -> None:
    ways = [_by_force(Node.killed, "killed"), _by_force(Node.frozen, "frozen"), _in_peace]
    run.random.shuffle(ways)
    for number in run.rounds():
        ways[number % len(ways)](run, cluster)
        eventually(lambda: cluster.is_whole)
        run.load.go_on()


def _by_force(how: Callable[[Node], AbstractContextManager[None]], word: str) -> Callable[[Run, Cluster], None]:
    def act(run: Run, cluster: Cluster) -> None:
        with how(run.random.choice(cluster.masters)):
            eventually(lambda: len(cluster.masters) == MASTERS)
            run.load.go_on()
        run.figures[f"masters {word}"] += 1

    return act


def _in_peace(run: Run, cluster: Cluster) -> None:
    run.random.choice(cluster.replicas).take_over()
    run.figures["masters replaced in peace"] += 1


def restart_in_turn_on_a_cluster(run: Run) -> None:
    """SIGTERM every service in turn on a Redis Cluster, where each reads many partitions from several masters."""
    restart_in_turn(run)


CLUSTER = Scenario(number=5, name="cluster", break_things=replace_masters, make_system=system_on_cluster, weight=2)
ROLLING_ON_CLUSTER = Scenario(
    number=13, name="rolling-cluster", break_things=restart_in_turn_on_a_cluster, make_system=system_on_cluster
)
