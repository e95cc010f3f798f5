"""`onhand run`: a service of one's own, beside those that `onhand start` runs."""

import os
import sys

from onhand.cli.checks import check_running, check_servers
from onhand.cli.migrations import migrate_databases
from onhand.cli.packages import package_of
from onhand.cli.programs import Say
from onhand.cli.system import System, database_setting
from onhand.common.errors import SettingsError


def run_service(system: System, service: str, say: Say) -> None:
    """Become a service: bring its database up to date, and run it in this process, with the servers of the system.

    Raises:
        SettingsError: it is not among the services of ONHAND_SERVICES.
        StartupError: a server does not run, or the service's package is not there.
    """
    if service not in system.other_services:
        raise SettingsError(f"ONHAND_SERVICES does not name {service}: it should be like ONHAND_SERVICES={service}")
    check_servers(system.configured_urls([service]))
    check_running(system.servers([service]), system.home)
    urls = system.database_urls([service])
    migrate_databases(urls, say)
    os.environ |= {"REDIS_URL": system.redis_url, database_setting(service): urls[service]}
    os.execv(sys.executable, [sys.executable, "-m", package_of(service)])  # noqa: S606  # no shell; the package is theirs
