"""Brings a database's schema up to date: plain SQL files, applied by dbmate."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from onhand.cli.packages import package_directory, package_of
from onhand.cli.programs import Say
from onhand.common.errors import StartupError

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class NotMigrated(StartupError):
    """A database was not brought up to date."""


def migrate(database_url: str, packages: Sequence[str]) -> list[str]:
    """Apply what is new in the `migrations` directories of packages, in their order; make the database if need be.

    Each package numbers its files for itself, so each has its own table of what was applied: with one table for
    all, dbmate would take `0001` of the second package for applied.

    Returns:
        The files that were applied.

    Raises:
        NotMigrated: one line with dbmate's reason.
    """
    return [file for package in packages for file in _migrate_package(database_url, package)]


def migrate_databases(database_urls: Mapping[str, str], say: Say) -> dict[str, list[str]]:
    """Bring the databases of services, by name of service, up to date: the runtime's tables first, then its own.

    Returns:
        The files that were applied, by name of service.
    """
    applied = {}
    for service, url in database_urls.items():
        try:
            applied[service] = migrate(url, ["onhand.common", package_of(service)])
        except NotMigrated as error:
            raise NotMigrated(f"{error} (the database of {service}: {service.upper()}_DATABASE_URL)") from error
        if applied[service]:
            say(f"{service}: applied {', '.join(applied[service])}")
    return applied


def _migrate_package(database_url: str, package: str) -> list[str]:
    command = [
        _dbmate(),
        "--env-file=",
        "--no-dump-schema",
        "--migration-lock",
        f"--migrations-dir={package_directory(package) / 'migrations'}",
        f"--migrations-table={package.rpartition('.')[2]}_migrations",
        "up",
    ]
    # In the environment, because a command line shows a password to every user of the machine.
    environment = {**os.environ, "DATABASE_URL": with_sslmode(database_url)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["dbmate said nothing"])[-1].removeprefix("Error: ")
        raise NotMigrated(f"migrating the database of {package} failed: {reason}")
    return re.findall(r"^Applied: (\S+)", done.stdout, re.MULTILINE)


def with_sslmode(database_url: str) -> str:
    """Ask for no TLS on this machine: where a URL says nothing, asyncpg tries without but dbmate insists on it."""
    url = urlsplit(database_url)
    query = parse_qs(url.query)
    host = query.get("host", [url.hostname or ""])[0]
    if "sslmode" in query or not (host in LOOPBACK or host.startswith("/") or host == ""):
        return database_url
    return f"{database_url}{'&' if url.query else '?'}sslmode=disable"


def _dbmate() -> str:
    beside_python = Path(sys.executable).parent / "dbmate"
    found = beside_python if beside_python.exists() else shutil.which("dbmate")
    if not found:
        raise StartupError("dbmate is not installed: run `make setup`")
    return str(found)
