"""The account PostgreSQL runs under when `onhand` runs as root, because PostgreSQL refuses to be root."""

import os
import pwd
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onhand.common.errors import StartupError


@dataclass(frozen=True)
class Account:
    """A user and its main group."""

    uid: int
    gid: int


def run_as(account: Account | None) -> dict[str, Any]:
    """Return the keyword arguments that make `subprocess` run a program as an account."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


def account_for_postgres() -> Account | None:
    """Return the account to change to, or None to stay who we are.

    `nobody` is there on every system, so no user has to be made.
    """
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StartupError(
            "PostgreSQL does not run as root and this system has no user 'nobody' to run it as: "
            "run onhand as another user, or set ORDERS_DATABASE_URL and INVENTORY_DATABASE_URL"
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def let_enter(account: Account, paths: Iterable[Path], say: Callable[[str], None]) -> None:
    """Let an account pass through the directories above some paths, and say so if that opened any.

    Only the right to pass is given (o+x), not the right to list what is there.
    """
    closed = sorted({parent for path in paths for parent in path.resolve().parents if not _can_enter(account, parent)})
    for directory in closed:
        directory.chmod(stat.S_IMODE(directory.stat().st_mode) | stat.S_IXOTH)
    if closed:
        say(
            f"PostgreSQL does not run as root, so it runs as 'nobody': others may now pass through (chmod o+x) "
            f"{', '.join(map(str, closed))}. To avoid that, set ORDERS_DATABASE_URL and INVENTORY_DATABASE_URL"
        )


def _can_enter(account: Account, directory: Path) -> bool:
    status = directory.stat()
    return bool(status.st_mode & stat.S_IXOTH) or (status.st_uid == account.uid and bool(status.st_mode & stat.S_IXUSR))
