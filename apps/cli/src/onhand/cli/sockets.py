"""Where a server's unix socket lives: beside its data, or in a short directory when that path is too long."""

import hashlib
import os
import tempfile
from pathlib import Path

from onhand.cli.accounts import Account
from onhand.common.errors import StartupError

LONGEST_SOCKET_PATH = 100
"""The kernel's limit is 107 bytes on Linux and 103 on macOS."""


def socket_directory(data: Path, socket_name: str) -> Path:
    """Return the directory for the socket of the server that keeps its data in `data`."""
    if len(os.fsencode(data / socket_name)) <= LONGEST_SOCKET_PATH:
        return data
    return Path(tempfile.gettempdir()) / f"onhand-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"


def make_private(directory: Path, account: Account | None) -> None:
    """Make a directory that only `account` (or we) may enter.

    Raises:
        StartupError: it exists and belongs to somebody else, who could then stand between us and the server.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = account.uid if account else os.geteuid()
    if directory.is_symlink() or directory.stat().st_uid not in {owner, os.geteuid()}:
        raise StartupError(f"{directory} belongs to another user: move it away, or set ONHAND_HOME to another place")
    if account:
        os.chown(directory, account.uid, account.gid)
    directory.chmod(0o700)
