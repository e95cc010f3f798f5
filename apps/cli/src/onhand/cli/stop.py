"""`onhand stop`: asks every `onhand` on an ONHAND_HOME to stop what it runs, and waits until it has."""

from pathlib import Path

from onhand.cli.programs import Say
from onhand.cli.run_state import Claim, Identity
from onhand.cli.system import COMPONENTS
from onhand.common.errors import OnhandError

LONGEST_STOP_SECONDS = 700.0
"""Longer than any `onhand` takes: the longest drain there can be, and PostgreSQL's last checkpoint."""


class StillRunning(OnhandError):
    """An `onhand` did not stop."""


def supervisors(home: Path) -> list[Identity]:
    """Return every `onhand` that runs something on a home, the youngest first."""
    records = [Claim(home / "run", component).record() for component in COMPONENTS]
    alive = {record.supervisor for record in records if record and record.supervisor.process()}
    return sorted(alive, key=lambda supervisor: supervisor.created, reverse=True)


def stop(home: Path, say: Say) -> None:
    """Stop everything on a home. The oldest goes last: it runs the servers that the others use.

    Raises:
        StillRunning: one did not stop.
    """
    found = supervisors(home)
    for supervisor in found:
        if process := supervisor.process():
            say(f"stopping onhand (pid {supervisor.pid})")
            process.terminate()
            if not supervisor.ends_within(LONGEST_STOP_SECONDS):
                raise StillRunning(f"onhand (pid {supervisor.pid}) does not stop; `kill -9 {supervisor.pid}` ends it")
    say("stopped" if found else f"nothing runs on {home}")
