"""What is still under way. All of it is empty once everything is settled."""

from collections.abc import Iterator

import asyncpg
from redis import Redis, RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from onhand.common.messaging.janitor import reader_of
from onhand.common.redis_urls import CLUSTER, servers_in
from tests.e2e.databases import read
from tests.e2e.system import System

AnyRedis = Redis | RedisCluster


def backlog(system: System) -> list[str]:
    """Everything that is still under way, in words."""
    try:
        return [*unread(system), *unacknowledged(system), *unpublished(system), *unanswered(system), *unsettled(system)]
    except (RedisError, RedisClusterException, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return [f"a server is away: {error}"]


def unread(system: System) -> list[str]:
    """Streams with entries that a group has not been given. Redis's own `lag` is unknown after a trim or a reload."""
    with _redis(system) as redis:
        behind = [
            f"{group} has not read all of {key}"
            for key, group, last in _groups(redis)
            if redis.xrange(key, min=f"({last}", count=1)
        ]
        without = [
            f"no group {reader} reads {key}"
            for key in redis.scan_iter(_type="stream")
            if (reader := reader_of(key)) and reader not in {group["name"] for group in redis.xinfo_groups(key)}
        ]
    return behind + without


def unacknowledged(system: System) -> list[str]:
    """Groups that were given entries and have not acknowledged them."""
    with _redis(system) as redis:
        counts = [(key, group, redis.xpending(key, group)["pending"]) for key, group, _ in _groups(redis)]
    return [f"{group} has {count} entries of {key} in hand" for key, group, count in counts if count]


def unpublished(system: System) -> list[str]:
    """Outboxes with events in them."""
    counts = [
        (service, read(system, service, "SELECT count(*) FROM outbox")[0]["count"])
        for service in ("orders", "inventory")
    ]
    return [f"the outbox of {service} has {count} rows" for service, count in counts if count]


def unanswered(system: System) -> list[str]:
    """Events that the other service has not answered."""
    counts = [
        (service, read(system, service, "SELECT count(*) FROM unanswered_events")[0]["count"])
        for service in ("orders", "inventory")
    ]
    return [f"{count} events of {service} are not answered" for service, count in counts if count]


def unsettled(system: System) -> list[str]:
    """Orders that have not ended."""
    (row,) = read(system, "orders", "SELECT count(*) FROM orders WHERE status = 'pending'")
    return [f"{row['count']} orders are pending"] if row["count"] else []


def _redis(system: System) -> AnyRedis:
    kind = RedisCluster if CLUSTER in system.redis_url else Redis
    client: AnyRedis = kind.from_url(servers_in(system.redis_url)[0], decode_responses=True)
    return client


def _groups(redis: AnyRedis) -> Iterator[tuple[str, str, str]]:
    """Every stream's groups, each with the id it was given last."""
    for key in redis.scan_iter(_type="stream"):
        for group in redis.xinfo_groups(key):
            yield key, group["name"], group["last-delivered-id"]
