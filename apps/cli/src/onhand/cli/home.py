"""ONHAND_HOME: the directory that holds everything the embedded servers and `onhand` itself keep."""

import errno
import os
import shutil
from pathlib import Path

from onhand.common.errors import StartupError

DIRECTORIES = ("redis", "postgres", "logs", "run")
"""All that may ever be deleted."""

MARKER = ".made-by-onhand"
_MARKER_TEXT = f"Data of onhand, made by it. `onhand reset` deletes {', '.join(DIRECTORIES)} and this file.\n"


def make_home(home: Path) -> Path:
    """Make the home directory if it is not there, and return it as an absolute path.

    Raises:
        StartupError: it cannot be made, or holds directories with our names that we did not make.
    """
    home = home.absolute()
    try:
        if not is_ours(home):
            _mark(home)
        for name in ("logs", "run"):
            (home / name).mkdir(mode=0o700, exist_ok=True)
            if not os.access(home / name, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise StartupError(f"ONHAND_HOME {home} cannot be used: {error.strerror}. Set it to another place") from None
    return home


def is_ours(home: Path) -> bool:
    """Whether `onhand` made what is in this directory."""
    marker = home / MARKER
    return marker.is_file() and marker.read_text(errors="replace") == _MARKER_TEXT


def empty_home(home: Path) -> None:
    """Delete what we made in a home that is ours, and the home itself if nothing else is in it."""
    for name in DIRECTORIES:
        if (home / name).exists():
            shutil.rmtree(home / name)
    (home / MARKER).unlink()  # last: what is left of a reset that failed is still known as ours
    if not any(home.iterdir()):
        home.rmdir()


def _mark(home: Path) -> None:
    foreign = [name for name in (*DIRECTORIES, MARKER) if (home / name).exists()]
    if foreign:
        raise StartupError(
            f"ONHAND_HOME {home} holds {', '.join(foreign)}, which onhand did not make: set it to another place"
        )
    if not home.exists():
        home.mkdir(parents=True)
        home.chmod(0o711)  # PostgreSQL may run as another user and has to pass through
    (home / MARKER).write_text(_MARKER_TEXT)
