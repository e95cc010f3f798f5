"""`onhand verify`: opens the databases and the streams of the system, and shows how far the checks have come."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from onhand.cli.checks import check_servers
from onhand.cli.system import Service, System
from onhand.cli.verification.findings import Verdict
from onhand.cli.verification.snapshots import Books
from onhand.cli.verification.verdict import Options, ShowProgress, verify
from onhand.common.database import open_database
from onhand.common.errors import StartupError, Unavailable
from onhand.common.messaging.streams import open_streams
from onhand.common.retry import is_transient

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
    for program in system.servers(everything):
        if not program.is_ready():
            raise StartupError(f"{program.name} does not run on {system.home}: `onhand start` starts it")
    return asyncio.run(_verify(system, options))


async def _verify(system: System, options: Options) -> Verdict:
    urls = system.database_urls(list(Service))
    async with (
        open_database(urls[Service.ORDERS], "ORDERS_DATABASE_URL", "onhand-verify") as orders,
        open_database(urls[Service.INVENTORY], "INVENTORY_DATABASE_URL", "onhand-verify") as inventory,
        open_streams(system.redis_url, system.partitions) as streams,
    ):
        with _progress() as show:
            try:
                return await verify(Books(orders, inventory), streams, options, show)
            except Exception as error:
                if not is_transient(error):
                    raise
                raise Unavailable(
                    f"cannot be verified, a server went away: {str(error) or type(error).__name__}"
                ) from error


@contextmanager
def _progress() -> Iterator[ShowProgress]:
    """Show a bar on standard error while the block runs, if that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}  # at most one: what is done now

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks:
                if tasks:
                    progress.remove_task(tasks.popitem()[1])
                tasks[what] = progress.add_task(what, total=of or None)
            progress.update(tasks[what], completed=done)

        yield show
