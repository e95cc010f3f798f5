import tempfile
from pathlib import Path

from redis.cluster import RedisCluster

from tests.e2e.waiting import eventually
from tests.failures.cluster import MASTERS, running_cluster


def test_the_replica_of_a_killed_master_takes_its_place_and_what_was_killed_follows_it() -> None:
    with tempfile.TemporaryDirectory(prefix="onhand-e2e-") as name, running_cluster(Path(name)) as cluster:
        keys = [f"key-{number}" for number in range(100)]
        with RedisCluster("127.0.0.1", cluster.nodes[-1].port) as redis:
            for key in keys:
                redis.set(key, key)
        killed = cluster.masters[0]
        killed.kill()
        assert not cluster.is_whole
        eventually(lambda: len(cluster.masters) == MASTERS)
        killed.start()
        eventually(lambda: cluster.is_whole)
        assert not killed.is_master
        with RedisCluster("127.0.0.1", killed.port) as redis:
            assert [redis.get(key) for key in keys] == [key.encode() for key in keys]
