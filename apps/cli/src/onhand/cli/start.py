"""The life of `onhand start`: checks, servers, migrations, services, ready; and back in the opposite order."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from onhand.cli.checks import check_ports, check_servers
from onhand.cli.home import make_home
from onhand.cli.log import Log
from onhand.cli.migrations import migrate_databases
from onhand.cli.programs import Program
from onhand.cli.run_state import Claim
from onhand.cli.supervisor import Supervised
from onhand.cli.system import Service, System
from onhand.common.backoff import Backoff
from onhand.common.errors import OnhandError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AlreadyRunning(OnhandError):
    """Another `onhand` runs this on the same ONHAND_HOME."""


class StoppedAtOnce(OnhandError):
    """A second interrupt killed everything."""

    exit_code = 128 + signal.SIGINT


@dataclass(frozen=True)
class Stack:
    """What is run, from the bottom up.

    Attributes:
        migrate: brings the databases up to date; called when the servers are ready, may block.
    """

    servers: Sequence[Supervised]
    migrate: Callable[[], object]
    services: Sequence[Supervised]

    async def up(self) -> None:
        """Start everything in order."""
        await _together(server.start() for server in self.servers)
        await asyncio.to_thread(self.migrate)
        await _together(service.start() for service in self.services)

    async def down(self) -> None:
        """Stop everything in the opposite order: a service that drains still needs its servers."""
        await _together(service.stop() for service in self.services)
        await _together(server.stop() for server in self.servers)

    def kill(self) -> None:
        """Kill everything now."""
        for program in (*self.services, *self.servers):
            program.kill()


OnceReady = Callable[[Stack], Awaitable[None]]
"""What to do when everything is ready. Everything is stopped when it returns."""


def start(system: System, services: Sequence[Service], log: Log, once_ready: OnceReady) -> None:
    """Run services, and the embedded servers they need, until a signal asks to stop.

    Raises:
        OnhandError: it could not be started, or was killed; nothing is left running.
    """
    run = make_home(system.home) / "run"
    programs = [system.service(service) for service in services]
    servers = system.servers(services)
    with ExitStack() as stack:
        claims = {program.name: stack.enter_context(Claim(run, program.name)) for program in (*programs, *servers)}
        for program in programs:
            _take(claims[program.name])
            claims[program.name].end_left_behind(program, log.say)
        check_ports({service: system.address(service) for service in services})
        check_servers(system.configured_urls(services))

        def supervised(program: Program) -> Supervised:
            backoff = Backoff(first_seconds=0.5, cap_seconds=system.restart_seconds)
            return Supervised(program, claims[program.name], log, backoff)

        whole = Stack(
            servers=[supervised(server) for server in servers],
            migrate=partial(migrate_databases, system.database_urls(services), log.say),
            services=[supervised(program) for program in programs],
        )
        asyncio.run(run_until_stopped(whole, once_ready, log))


async def run_until_stopped(stack: Stack, once_ready: OnceReady, log: Log) -> None:
    """Bring a stack up and, when a signal asks for it or the start fails, down again."""

    async def up_and_ready() -> None:
        await stack.up()
        await once_ready(stack)

    asked = asyncio.Event()
    _on_signals(asked.set)
    up = asyncio.create_task(up_and_ready())
    await asyncio.wait({up, asyncio.create_task(asked.wait())}, return_when=asyncio.FIRST_COMPLETED)

    killed = asyncio.Event()

    def kill() -> None:
        killed.set()
        stack.kill()

    _on_signals(kill)
    log.say("stopping (again: Ctrl-C kills at once)" if asked.is_set() else "stopping")
    up.cancel()
    await asyncio.wait({up})
    await stack.down()
    if killed.is_set():
        raise StoppedAtOnce("killed by a second interrupt: what was not finished is taken up at the next start")
    if not up.cancelled():
        up.result()
    log.say("stopped")


def _on_signals(act: Callable[[], object]) -> None:
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, act)


def _take(claim: Claim) -> None:
    if not claim.take():
        raise AlreadyRunning(f"{claim.component} is already running{claim.by_whom()}; `onhand stop` ends it")


async def _together(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do steps side by side; the first that fails ends the others."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for step in steps:
                tasks.create_task(step)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
