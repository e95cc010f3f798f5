"""`onhand verify`: opens the databases and the streams of the system, and shows how far the checks have come."""

import asyncio

from onhand.cli.checks import check_running, check_servers, told_when_away
from onhand.cli.output import progress
from onhand.cli.system import Service, System
from onhand.cli.verification.findings import Verdict
from onhand.cli.verification.snapshots import open_books
from onhand.cli.verification.verdict import Options, verify
from onhand.common.messaging.streams import open_streams

VIOLATED = 4
"""Exit code when an invariant is violated."""


def verify_system(system: System, options: Options) -> Verdict:
    """Check every invariant of a system while it runs.

    Raises:
        StartupError: one of its servers does not run or was never migrated.
        Unavailable: one of them went away meanwhile.
    """
    everything = list(Service)
    check_servers(system.configured_urls(everything))
    check_running(system.servers(everything), system.home)
    return asyncio.run(_verify(system, options))


async def _verify(system: System, options: Options) -> Verdict:
    urls = system.database_urls(list(Service))
    async with (
        open_books(urls[Service.ORDERS], urls[Service.INVENTORY], "onhand-verify") as books,
        open_streams(system.redis_url, system.partitions) as streams,
    ):
        with progress() as show, told_when_away("cannot be verified"):
            return await verify(books, streams, options, show)
