"""ONHAND_HOME: the directory that holds everything the embedded servers and `onhand` itself keep."""

from pathlib import Path

from onhand.common.errors import StartupError

MARKER = "README"
DIRECTORIES = ("redis", "postgres", "logs", "run")

_MARKER_TEXT = "Data of `onhand`, made by it. `onhand reset` deletes the directories redis, postgres, logs and run.\n"


def make_home(home: Path) -> Path:
    """Make the home directory if it is not there, and return it as an absolute path.

    Raises:
        StartupError: it cannot be made, or holds directories with our names that we did not make.
    """
    home = home.absolute()
    try:
        if not is_ours(home):
            _claim(home)
        for name in ("logs", "run"):
            (home / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StartupError(f"ONHAND_HOME {home} cannot be used: {error.strerror}. Set it to another place") from None
    return home


def is_ours(home: Path) -> bool:
    """Whether `onhand` made this directory."""
    marker = home / MARKER
    return marker.is_file() and marker.read_text(errors="replace") == _MARKER_TEXT


def _claim(home: Path) -> None:
    foreign = [name for name in DIRECTORIES if (home / name).exists()]
    if foreign:
        raise StartupError(
            f"ONHAND_HOME {home} holds {', '.join(foreign)}, which onhand did not make: set it to another place"
        )
    if not home.exists():
        home.mkdir(parents=True)
        home.chmod(0o711)  # PostgreSQL may run as another user and has to pass through
    (home / MARKER).write_text(_MARKER_TEXT)
