"""What a service can measure at this moment: its topics in Redis, and its outbox and dead letters in its database."""

from prometheus_client.core import Metric

from onhand.common import metrics
from onhand.common.database import Database
from onhand.common.messaging.janitor import inspect_topics_of
from onhand.common.messaging.streams import Streams


async def measure_streams(service: str, streams: Streams) -> list[Metric]:
    """Look at the streams of the topics that a service owns, and at every group that reads them.

    So each group on each stream is told of by one service, also while the group's own service is down.

    Raises:
        Unavailable: Redis is away.
    """
    found = await inspect_topics_of(service, streams)
    groups = {(group.stream, group.group): group for stream in found for group in stream.backlogs}
    return [
        metrics.STREAM_LENGTH.gauge({(stream.key,): stream.length for stream in found}),
        metrics.GROUP_LAG.gauge({it: group.lag for it, group in groups.items() if group.lag is not None}),
        metrics.GROUP_PENDING.gauge({it: group.pending for it, group in groups.items()}),
        metrics.GROUP_ABANDONED.gauge({it: group.is_abandoned for it, group in groups.items()}),
        metrics.GROUP_OLDEST_PENDING.gauge({it: (group.lowest_pending_ms or 0) / 1000 for it, group in groups.items()}),
    ]


async def measure_tables(service: str, database: Database) -> list[Metric]:
    """Count what is in the outbox and among the dead letters of a service.

    Raises:
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: the database is away.
    """
    (outbox,) = await database.look(
        "SELECT count(*) AS batches, extract(epoch FROM now() - min(written_at)) AS seconds FROM outbox"
    )
    letters = await database.look("SELECT state, count(*) AS letters FROM dead_letters GROUP BY state")
    by_state = dict.fromkeys(metrics.STATES, 0) | {row["state"]: row["letters"] for row in letters}
    return [
        metrics.OUTBOX_ROWS.gauge({(service,): outbox["batches"]}),
        metrics.OUTBOX_OLDEST.gauge({(service,): max(0, outbox["seconds"] or 0)}),  # the clock may have been set back
        metrics.DEAD_LETTERS.gauge({(service, state): count for state, count in by_state.items()}),
    ]
