"""Named points at which a process can be made to die, to see that nothing is lost there.

`ONHAND_FAILPOINTS=orders.after_commit` kills Orders with SIGKILL the first time it gets there; the process that is
started in its place goes on, because the death is noted in `ONHAND_HOME`. Production refuses the setting.
"""

import os
import signal
from pathlib import Path

POINTS = {
    "gateway": ("before_append", "after_append", "before_answer"),
    **dict.fromkeys(
        ("orders", "inventory"),
        (
            "before_commit",
            "after_commit",
            "after_publish",
            "after_acknowledge",
            "before_mark",
            "after_mark",
            "before_sweep_commit",
        ),
    ),
}
"""For each service its points, in the order in which they come.

Attributes:
    before_append, after_append: the gateway appends requests to their stream.
    before_answer: the gateway has the reply and has not answered its client.
    before_commit, after_commit: a transaction with events, which are still untold after it.
    after_publish: its events and replies are told, and its entries not acknowledged.
    after_acknowledge: they are; where somebody waits for an answer, the next batch is read already.
    before_mark: nobody knows yet that the outbox row is published.
    after_mark: the row is deleted by a later transaction that is committed.
    before_sweep_commit: the sweeper has published what a death left behind, say at after_commit, and not deleted it.
"""

_armed: dict[str, Path] = {}


def arm(service: str, names: str, home: Path) -> None:
    """Arm those of the named points that are this service's and have not struck yet.

    Args:
        service: who we are.
        names: `service.point`, separated by commas.
        home: where it is noted that a point has struck.
    """
    for name in filter(None, names.split(",")):
        owner, _, point = name.strip().partition(".")
        struck = home / "failpoints" / name.strip()
        if owner == service and not struck.exists():
            _armed[point] = struck


def is_armed(point: str) -> bool:
    """Whether the process will die at this point."""
    return point in _armed


def hit(point: str) -> None:
    """Be at a point: die, if it is armed."""
    if point in _armed:
        struck = _armed[point]
        struck.parent.mkdir(parents=True, exist_ok=True)
        struck.touch()
        os.kill(os.getpid(), signal.SIGKILL)
