"""What runs on an ONHAND_HOME, and how it does."""

import time
from typing import Literal

import msgspec
import psutil

from onhand.cli.checks import answers, where
from onhand.cli.programs import Program
from onhand.cli.run_state import Claim
from onhand.cli.system import Service, System

State = Literal["ready", "starting", "down"]


class Component(msgspec.Struct, rename="camel", frozen=True):
    """One line of `onhand status`.

    Attributes:
        memory_bytes: of the process and its children, shared memory counted once.
    """

    name: str
    state: State
    address: str
    pid: int | None = None
    uptime_seconds: float | None = None
    memory_bytes: int | None = None


def status(system: System) -> list[Component]:
    """Look at every component, whether `onhand` runs it or its URL is configured."""
    everything = list(Service)
    programs = [*(system.service(service) for service in everything), *system.servers(everything)]
    ours = [_look_at(program, Claim(system.home / "run", program.name)) for program in programs]
    configured = system.configured_urls(everything).items()
    return ours + [
        Component(name=setting, state="ready" if answers(setting, url) else "down", address=where(url))
        for setting, url in configured
    ]


def _look_at(program: Program, claim: Claim) -> Component:
    record = claim.record()
    if not record or not record.supervisor.process():
        return Component(name=program.name, state="down", address=program.address)
    process = record.process.process() if record.process else None
    try:
        return _running(program, process) if process else _starting(program)
    except psutil.NoSuchProcess:  # it died while we looked
        return _starting(program)


def _starting(program: Program) -> Component:
    return Component(name=program.name, state="starting", address=program.address)


def _running(program: Program, process: psutil.Process) -> Component:
    return Component(
        name=program.name,
        state="ready" if program.is_ready() else "starting",
        address=program.address,
        pid=process.pid,
        uptime_seconds=round(time.time() - process.create_time(), 1),
        memory_bytes=sum(map(_memory, (process, *process.children(recursive=True)))),
    )


def _memory(process: psutil.Process) -> int:
    """Return what a process takes: where the system tells (Linux), its fair part of what it shares."""
    try:
        memory = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(memory, "pss", memory.uss))
