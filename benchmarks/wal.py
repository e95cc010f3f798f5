"""WAL files that are there beforehand, as they are in a PostgreSQL that has run for a while.

A new one makes files of 16 MB as it goes and fills them with zeros, which commits wait for. After the first gigabyte or
two (`min_wal_size`) it uses old ones again.
"""

import os
import subprocess

from onhand.cli.postgres import binary
from onhand.common.errors import StartupError

_SECONDS = 60.0
_FILL = """
    DO $$
    BEGIN
        FOR _ IN 1 .. (SELECT setting FROM pg_settings WHERE name = 'min_wal_size')::integer / 16 LOOP
            PERFORM pg_logical_emit_message(false, '', ''), pg_switch_wal();
        END LOOP;
    END $$
"""


def fill_wal(postgres_url: str) -> None:
    """Have a fresh server make as many WAL files as it keeps, and keep them; takes a second.

    Args:
        postgres_url: of any of its databases, as a superuser.

    Raises:
        StartupError: it did not.
    """
    # psql takes from variables what the URL does not say, and from PGHOSTADDR even which server it is.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    commands = [word for command in (_FILL, "CHECKPOINT") for word in ("--command", command)]
    try:
        subprocess.run(  # noqa: S603
            [binary("psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", *commands, postgres_url],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            timeout=_SECONDS,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = str(getattr(error, "stderr", None) or error).strip()
        raise StartupError(f"PostgreSQL did not make its WAL files: {said}") from None
