"""A service that lives on messages: give it subscriptions and timers, and it has the rest."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import falcon.asgi

from onhand.common.database import Database, open_database
from onhand.common.errors import Unavailable
from onhand.common.health import Health
from onhand.common.messaging.consumer import Consumer, Member
from onhand.common.messaging.dead_keys import DeadKeys
from onhand.common.messaging.gauges import measure_streams, measure_tables
from onhand.common.messaging.inbox import forget_old
from onhand.common.messaging.janitor import trim, warn_of_abandoned
from onhand.common.messaging.outbox import sweep
from onhand.common.messaging.presence import announce
from onhand.common.messaging.retries import Retries
from onhand.common.messaging.streams import Streams, open_streams
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.messaging.unit_of_work import UnitOfWork, Work
from onhand.common.periodic import repeat
from onhand.common.scrape import Scrape
from onhand.common.service import Worker, serve
from onhand.common.settings import Settings

_ENOUGH_WAITS = 1000


class Timer(NamedTuple):
    """Work that is done every so many seconds, in a transaction with its outbox like that of a message.

    Attributes:
        topic: where its events go. The work is left undone while enough waits there: whoever reads it is slow or away,
            and more would only fill the stream. None for work that has to be done, whoever hears of it.
    """

    name: str
    seconds: float
    work: Work
    topic: str | None = None


async def serve_messages(
    service: str,
    settings: Settings,
    *,
    port: int,
    database_url: str,
    subscriptions: Sequence[Subscription],
    queries: Sequence[Subscription] = (),
    timers: Sequence[Timer] = (),
) -> None:
    """Run a service until it is told to stop.

    Each topic has a consumer of its own: while a batch of one is committed, one of another is decoded, and a slow query
    holds up neither commands nor events. So handlers of different topics run at the same time, as those of different
    replicas do; whatever order there is, is the order within a topic.

    Args:
        service: its name; also its consumer group, and in capitals the start of its database setting.
        settings: of this process.
        port: where health and metrics are served.
        database_url: of the service's own database.
        subscriptions: commands and events, and who handles them.
        queries: queries, and who answers them.
        timers: what to do besides.
    """
    topics = by_topic([*subscriptions, *queries])
    written_to = {it.message.TOPIC for it in subscriptions}
    async with (
        open_database(
            database_url,
            f"{service.upper()}_DATABASE_URL",
            f"onhand-{service}",
            connections=len(topics) * settings.stream_partitions + 6,
        ) as database,
        open_streams(settings.redis_url, settings.stream_partitions) as streams,
    ):
        members = [
            Member(f"{service}-{settings.onhand_replica}", partition, settings.batch_size, settings.claim_idle_seconds)
            for partition in range(streams.partitions)
        ]

        dead_keys = DeadKeys()
        retries = Retries([*subscriptions, *queries], UnitOfWork(service), database, streams)

        consumers = [
            [Consumer(service, topic, database, streams, member, dead_keys) for topic in topics] for member in members
        ]
        writing = [[it for it in of_partition if it.topic in written_to] for of_partition in consumers]
        health = Health(
            service, {"redis": streams.ping, "database": database.ping, "work": partial(check_work, writing)}
        )

        def timer(what: Timer) -> Worker:
            run = partial(run_timer, what, UnitOfWork(service), database, streams)
            return partial(repeat, what.name, run, what.seconds)

        async def retry(stopping: asyncio.Event) -> None:
            await repeat("retries of dead letters", partial(retries.work_off, stopping), 1.0, stopping)

        workers: list[Worker] = [
            *(consumer.run for of_partition in consumers for consumer in of_partition),
            *map(timer, timers),
            retry,
            partial(repeat, "keys of dead letters", partial(dead_keys.refresh, database), 1.0),
            partial(repeat, "outbox sweeper", partial(sweep, database, streams), 1.0),
            partial(repeat, "inbox", partial(forget_old, database), 60.0),
            partial(repeat, "janitor", partial(trim, service, streams), 1.0),
            partial(repeat, "abandoned groups", partial(warn_of_abandoned, service, streams), 60.0),
            partial(repeat, "presence", partial(_announce_if_ready, service, streams, health), 1.0),
        ]
        app = falcon.asgi.App()
        health.add_routes(app)
        Scrape(
            {
                "redis": partial(measure_streams, service, streams),
                "database": partial(measure_tables, service, database),
            }
        ).add_routes(app)
        await serve(service, settings, port, app, workers)


async def run_timer(timer: Timer, unit: UnitOfWork, database: Database, streams: Streams) -> None:
    """Do a timer's work once, unless enough waits where its events would go.

    Raises:
        Unavailable: Redis is away.
        Exception: whatever the work or the database raised.
    """
    if timer.topic is None or await _backlog(timer.topic, streams) < _ENOUGH_WAITS:
        await unit.run(timer.work, database, streams)
    else:
        await unit.tidy(database)


def by_topic(subscriptions: Sequence[Subscription]) -> list[list[Subscription]]:
    """Subscriptions to the same topic together, in order."""
    topics: dict[str, list[Subscription]] = {}
    for subscription in subscriptions:
        topics.setdefault(subscription.message.TOPIC, []).append(subscription)
    return list(topics.values())


async def check_work(partitions: Sequence[Sequence[Consumer]]) -> None:
    """Readiness probe: a database may answer questions and store nothing, because its disk is full or it is a standby.

    A consumer that could not store something tries it again until it can, so it knows when that is over. One to which
    nothing was given knows nothing.

    Args:
        partitions: the consumers of each.

    Raises:
        Unavailable: in no partition what was last given could be done.
    """
    reasons = [next((it.trouble.reason for it in consumers if it.trouble.reason), None) for consumers in partitions]
    if reasons and all(reasons):
        raise Unavailable(f"nothing can be done: {reasons[0]}")


async def _backlog(topic: str, streams: Streams) -> int:
    return max([await streams.backlog(topic, partition) for partition in range(streams.partitions)])


async def _announce_if_ready(service: str, streams: Streams, health: Health) -> None:
    if await health.is_ready():
        await announce(service, streams)
