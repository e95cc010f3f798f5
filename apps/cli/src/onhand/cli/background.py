"""`onhand start --detach`: the same `onhand start`, in a process of its own that tells when it is ready."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from onhand.cli.home import make_home
from onhand.cli.programs import last_line_of
from onhand.common.errors import StartupError

_READY_FD = "ONHAND_READY_FD"
_READY = b"ready"


def log_file(home: Path) -> Path:
    """Return where an `onhand` in the background writes its log."""
    return home.absolute() / "logs" / "onhand.log"


def start_in_background(home: Path, arguments: Sequence[str]) -> int:
    """Run `onhand` with these arguments in the background and wait until it is ready.

    Returns:
        Its pid.

    Raises:
        StartupError: it ended before it was ready; the reason is the last line of its log.
    """
    log = log_file(make_home(home))
    told, tell = os.pipe()
    with log.open("ab") as output, os.fdopen(told, "rb") as ready:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "onhand.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, _READY_FD: str(tell)},
            pass_fds=[tell],
            start_new_session=True,
        )
        os.close(tell)
        try:
            is_ready = ready.read() == _READY
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
    if not is_ready:
        process.wait()
        raise StartupError(f"{last_line_of(log).removeprefix('onhand: ')} (log: {log})")
    return process.pid


def tell_ready() -> None:
    """Tell whoever started this process in the background that it is ready."""
    if fd := os.environ.pop(_READY_FD, None):
        with os.fdopen(int(fd), "wb") as starter:
            starter.write(_READY)
