"""`onhand migrate`: brings the databases up to date without starting the services."""

from contextlib import ExitStack

from onhand.cli.checks import check_servers
from onhand.cli.home import make_home
from onhand.cli.migrations import migrate_databases
from onhand.cli.programs import Say, running
from onhand.cli.run_state import Claim
from onhand.cli.system import System


def migrate_all(system: System, say: Say) -> dict[str, list[str]]:
    """Migrate the database of every service, running the embedded PostgreSQL for that time if nobody else does.

    Returns:
        The files that were applied, by name of service.
    """
    databases = system.owners
    check_servers({name: url for name, url in system.configured_urls(databases).items() if name != "REDIS_URL"})
    with ExitStack() as stack:
        for program in system.database_servers(databases):
            home = make_home(system.home)
            claim = stack.enter_context(Claim(home / "run", program.name))
            if claim.take():
                claim.end_left_behind(program, say)
                server = stack.enter_context(running(program, home / "logs" / f"{program.name}.log", say))
                claim.note(server.pid)
        return migrate_databases(system.database_urls(databases), say)
