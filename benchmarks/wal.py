"""WAL files that are there beforehand, as they are in a PostgreSQL that has run for a while.

A new one makes files of 16 MB as it goes and fills them with zeros, which commits wait for. After the first gigabyte or
two (`min_wal_size`) it uses old ones again.
"""

import subprocess

from onhand.cli.postgres import binary
from onhand.common.errors import StartupError

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
    done = subprocess.run(  # noqa: S603
        [binary("psql"), "--no-psqlrc", "--quiet", "--command", _FILL, "--command", "CHECKPOINT", postgres_url],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise StartupError(f"PostgreSQL did not make its WAL files: {done.stderr.strip()}")
