"""A Redis Cluster of our own: three masters with a replica each, as processes that can be killed."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from onhand.cli import valkey
from onhand.cli.programs import running
from tests.e2e.system import free_ports
from tests.e2e.waiting import eventually

MASTERS = 3
NODES = 2 * MASTERS
_SLOTS = 16384
_TIMEOUT_MS = 1000
"""How long a node may be silent before the others hold it for dead."""


class Node:
    """One server of a cluster, that may be up or down."""

    def __init__(self, directory: Path, port: int, bus_port: int) -> None:
        self.port = port
        self.bus_port = bus_port
        directory.mkdir(parents=True)
        settings = {
            "bind": "127.0.0.1",
            "port": str(port),
            "cluster-enabled": "yes",
            "cluster-port": str(bus_port),
            "cluster-node-timeout": str(_TIMEOUT_MS),
            "repl-diskless-sync-delay": "0",  # no others are waited for that may want the same
        }
        words = (word for name, value in settings.items() for word in (f"--{name}", value))
        program = valkey.program(directory / "data")
        self._program = replace(program, command=(*program.command, *words))
        self._log = directory / "log"
        self._running = ExitStack()
        never = Retry(NoBackoff(), 0)  # one that is frozen is asked again soon enough
        self.redis: Redis = Redis(port=port, decode_responses=True, socket_timeout=0.5, retry=never)

    def start(self) -> None:
        """Start the server and wait until it has read its data."""
        self._process = self._running.enter_context(running(self._program, self._log, lambda _: None))

    def stop(self) -> None:
        """Stop the server, if it is up."""
        self._running.close()

    @contextmanager
    def killed(self) -> Iterator[None]:
        """End the server without a warning, and start it again at the end of the block."""
        self._process.kill()
        self.stop()
        yield
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze the server for the length of the block: it is there and does nothing."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def take_over(self) -> None:
        """Have a replica change places with its master, without a word being lost."""
        self.redis.execute_command("CLUSTER", "FAILOVER")
        eventually(lambda: self.is_master)

    @property
    def is_master(self) -> bool:
        """Whether it holds slots, by its own word; not while it is down."""
        return self._info("replication").get("role") == "master"

    @property
    def is_replica(self) -> bool:
        """Whether it follows a master."""
        return self._info("replication").get("role") == "slave"

    @property
    def is_whole(self) -> bool:
        """Whether all slots are served, and whoever should follow or be followed is in step."""
        replication = self._info("replication")
        in_step = (
            replication.get("connected_slaves") == 1
            if replication.get("role") == "master"
            else replication.get("master_link_status") == "up"
        )
        return in_step and self._cluster_info().get("cluster_state") == "ok"

    @property
    def knows(self) -> int:
        """How many nodes of the cluster it has met."""
        return int(self._cluster_info().get("cluster_known_nodes", 0))

    def _info(self, section: str) -> dict[str, Any]:
        try:
            info: dict[str, Any] = self.redis.info(section)
        except RedisError:
            return {}
        return info

    def _cluster_info(self) -> dict[str, str]:
        try:
            info: dict[str, str] = self.redis.cluster("info")
        except RedisError:
            return {}
        return info


class Cluster:
    """All nodes. Made by `running_cluster`.

    Attributes:
        url: leads to the cluster by some of its nodes.
    """

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes[::2])

    @property
    def masters(self) -> list[Node]:
        """Those that hold slots now."""
        return [node for node in self.nodes if node.is_master]

    @property
    def replicas(self) -> list[Node]:
        """The others that are up."""
        return [node for node in self.nodes if node.is_replica]

    @property
    def is_whole(self) -> bool:
        """Whether every node is up and in its place: three masters, each with its replica in step."""
        return all(node.is_whole for node in self.nodes) and len(self.masters) == MASTERS

    def form(self) -> None:
        """Make one cluster of nodes that do not know each other yet."""
        first, *others = self.nodes
        for node in others:
            first.redis.execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)
        eventually(lambda: all(node.knows == NODES for node in self.nodes))
        borders = [_SLOTS * number // MASTERS for number in range(MASTERS + 1)]
        masters, replicas = self.nodes[:MASTERS], self.nodes[MASTERS:]
        for master, (start, end) in zip(masters, pairwise(borders), strict=True):
            master.redis.execute_command("CLUSTER", "ADDSLOTSRANGE", start, end - 1)
        for master, replica in zip(masters, replicas, strict=True):
            replica.redis.execute_command("CLUSTER", "REPLICATE", master.redis.execute_command("CLUSTER", "MYID"))
        eventually(lambda: self.is_whole)


@contextmanager
def running_cluster(directory: Path) -> Iterator[Cluster]:
    """Run a cluster for the length of the block, with its data in a directory with a short name."""
    ports = free_ports(2 * NODES)
    nodes = [Node(directory / str(number), ports[number], ports[NODES + number]) for number in range(NODES)]
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.redis.close)
            stack.callback(node.stop)
            node.start()
        cluster = Cluster(nodes)
        cluster.form()
        yield cluster
