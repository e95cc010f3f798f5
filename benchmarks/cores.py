"""Cores for the load alone, so that what it takes of the machine is not taken from the system."""

import os
from typing import NamedTuple

from onhand.common.errors import OnhandError


class Cores(NamedTuple):
    """Which cores the system has, and which the load generator."""

    system: frozenset[int]
    load: frozenset[int]

    def take_load(self) -> None:
        """Keep this process, and what it starts from now on, on the cores of the load."""
        os.sched_setaffinity(0, self.load)

    def __str__(self) -> str:
        """In words for the report."""
        return f"system on {_listed(self.system)}, load generator on {_listed(self.load)}"


def apart() -> Cores:
    """Give the last core to the load generator and all others to the system.

    Raises:
        OnhandError: there is one core only, or the operating system does not let us choose.
    """
    if not hasattr(os, "sched_getaffinity"):
        raise OnhandError("this operating system does not let a program choose its cores; leave --apart out")
    *system, load = sorted(os.sched_getaffinity(0))
    if not system:
        raise OnhandError("the load cannot have a core of its own where there is only one; leave --apart out")
    return Cores(frozenset(system), frozenset({load}))


def _listed(cores: frozenset[int]) -> str:
    return ("core " if len(cores) == 1 else "cores ") + ", ".join(map(str, sorted(cores)))
