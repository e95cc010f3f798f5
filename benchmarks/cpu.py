"""CPU time of processes and of the machine, and memory."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

import psutil

from onhand.common.errors import OnhandError

_LOOK_SECONDS = 0.1


class ComponentGone(OnhandError):
    """A process of the system ended under load."""


class CpuTimes(NamedTuple):
    """CPU seconds spent up to one moment.

    Attributes:
        components: by name of component, its process with all that it started.
        ours: of this process and what it started, which is the load generator.
        machine: of everything on the machine, what a hypervisor took away (steal) included.
        available: what there was to spend, by wall clock.
    """

    components: dict[str, float]
    ours: float
    machine: float
    available: float


class Spent(NamedTuple):
    """What was spent between two looks at the clocks.

    Attributes:
        components: CPU seconds, by name of component.
        load: part of the machine's CPU that this process used, with all that it started.
        elsewhere: part of it that neither that nor the components used: the disturbance.
    """

    components: dict[str, float]
    load: float
    elsewhere: float

    def us_for_each(self, count: int) -> dict[str, float]:
        """CPU microseconds for each of so many things done, by name of component."""
        return {name: 1e6 * seconds / max(count, 1) for name, seconds in self.components.items()}


@dataclass
class Memory:
    """The most that a process was seen to have (resident, 10^6 bytes); None if there is no such process."""

    most_mb: float | None = None


def cpu_times(pids: Mapping[str, int]) -> CpuTimes:
    """Look at the clocks. Differences between two looks say what was spent.

    Raises:
        ComponentGone: a process does not run any more.
    """
    everything = psutil.cpu_times()
    idle = everything.idle + getattr(everything, "iowait", 0.0)
    guests = getattr(everything, "guest", 0.0) + getattr(everything, "guest_nice", 0.0)  # counted as user, too
    return CpuTimes(
        components={name: sum(map(_seconds, _tree(name, pid))) for name, pid in pids.items()},
        ours=_seconds(psutil.Process()),
        machine=sum(everything) - idle - guests,
        available=time.monotonic() * (psutil.cpu_count() or 1),
    )


def spent_between(before: CpuTimes, after: CpuTimes) -> Spent:
    """Say what was spent."""
    components = {name: after.components[name] - before.components[name] for name in after.components}
    available, ours = after.available - before.available, after.ours - before.ours
    others = after.machine - before.machine - sum(components.values()) - ours
    return Spent(components, load=ours / available, elsewhere=max(0.0, others) / available)


@asynccontextmanager
async def watch_memory(pid: int | None) -> AsyncGenerator[Memory]:
    """Look at a process again and again for the length of the block."""
    memory = Memory()

    async def watch(pid: int) -> None:
        with suppress(psutil.NoSuchProcess):  # whoever looks at its CPU will say so
            process = psutil.Process(pid)
            while True:
                memory.most_mb = max(memory.most_mb or 0.0, process.memory_info().rss / 1e6)
                await asyncio.sleep(_LOOK_SECONDS)

    if pid is None:
        yield memory
        return
    watching = asyncio.create_task(watch(pid))
    try:
        yield memory
    finally:
        watching.cancel()


def memory_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Look at what each component holds (10^6 bytes), with all that it started.

    What processes share is counted once where the operating system tells how many share it (Linux); else each time.

    Raises:
        ComponentGone: a process does not run any more.
    """
    return {name: sum(map(_held, _tree(name, pid))) / 1e6 for name, pid in pids.items()}


def _tree(name: str, pid: int) -> list[psutil.Process]:
    """PostgreSQL has a process per connection, and Valkey forks one that rewrites its log."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        raise ComponentGone(f"{name} (pid {pid}) ended under load; its log says why") from None


def _held(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):  # ended since it was listed
        held = process.memory_full_info()
        return int(getattr(held, "pss", held.rss))
    return 0


def _seconds(process: psutil.Process) -> float:
    """CPU seconds of a process and of its children that have ended."""
    with suppress(psutil.NoSuchProcess):  # ended since it was listed: its parent has its seconds now
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0
