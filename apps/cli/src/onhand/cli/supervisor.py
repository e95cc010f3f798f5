"""Keeps programs running: starts them, starts them again when they die, stops them."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from onhand.cli.log import Log
from onhand.cli.programs import (
    POLL_SECONDS,
    READY_SECONDS,
    Program,
    ended_too_early,
    how_it_ended,
    launch_options,
    not_ready_in_time,
)
from onhand.cli.run_state import Claim
from onhand.common.backoff import Backoff
from onhand.common.errors import StartupError

LONGEST_LINE = 1 << 20
TAKE_OVER_SECONDS = 1.0
HEALTHY_SECONDS = 30.0
"""A program that ran for so long had recovered: the next wait before it is started again is short."""


@dataclass(frozen=True)
class _Run:
    """One run of a program, from its start to its end."""

    process: Process
    output: asyncio.Task[None]
    started: float

    async def ended(self) -> int:
        """Wait until the process has ended and its last lines are in the log."""
        code = await self.process.wait()
        await asyncio.wait({self.output}, timeout=1)  # something it started may still hold the pipe open
        return code

    def send(self, how: Callable[[int, int], None], number: signal.Signals) -> None:
        """Send a signal; not by asyncio, which would take the exit code away from its own watcher."""
        with suppress(ProcessLookupError):  # it ended a moment ago and we have not been told yet
            how(self.process.pid, number)

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


class Supervised:
    """One program, kept running until it is stopped.

    While another `onhand` runs the same program it is left to it, and taken over when that one ends.

    Args:
        program: what to run.
        claim: says whose it is to run.
        log: where its output goes.
        backoff: its own; how long to wait before it is started again when it has died.
    """

    def __init__(self, program: Program, claim: Claim, log: Log, backoff: Backoff) -> None:
        self.program = program
        self._claim = claim
        self._log = log
        self._backoff = backoff
        self._run: _Run | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._last_line = ""

    async def start(self) -> None:
        """Start the program, wait until it is ready, and keep it running from then on.

        Raises:
            StartupError: it ended, or did not get ready in time.
        """
        if not self._claim.take():
            self._log.say(f"{self.program.name} is already run by another onhand: using that")
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._until_ready()
        except TimeoutError:
            raise not_ready_in_time(self.program, self._last_line) from None
        self._keeper = asyncio.create_task(self._keep_running())

    async def restart(self) -> None:
        """Stop the program and start it again at once, as it is now on disk."""
        await self.stop()
        self._run = None
        self._keeper = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """Stop the program; kill it if it takes longer than it may."""
        if self._keeper:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if self._run and self._run.alive:
            self._run.send(os.kill, self.program.stop_signal)
            try:
                async with asyncio.timeout(self.program.stop_seconds):
                    await self._run.process.wait()
            except TimeoutError:
                self._log.say(f"{self.program.name} did not stop within {self.program.stop_seconds:g} s: killing it")
                self.kill()
            await self._run.ended()

    def kill(self) -> None:
        """Kill the program now, and what it started."""
        if self._keeper:
            self._keeper.cancel()
        if self._run and self._run.alive:
            self._run.send(os.killpg, signal.SIGKILL)

    async def _until_ready(self) -> None:
        while True:
            if self._run is None and self._claim.take():
                self._run = await self._launch()
            ready = await asyncio.to_thread(self.program.is_ready)
            if self._run and not self._run.alive:  # looked at last: what answered may be another program
                raise ended_too_early(self.program, await self._run.ended(), self._last_line)
            if ready:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _keep_running(self) -> None:
        await self._take_over()
        self._backoff.reset()
        while True:
            if self._run:
                code = await self._run.ended()
                if self._run.seconds > HEALTHY_SECONDS:
                    self._backoff.reset()
                await self._wait(how_it_ended(code))
                self._run = None
            try:
                self._run = await self._launch()
            except (OSError, StartupError) as error:
                await self._wait(f"cannot be started: {error}")

    async def _take_over(self) -> None:
        if self._claim.take():
            return
        while not self._claim.take():  # noqa: ASYNC110  # a file lock wakes nobody up
            await asyncio.sleep(TAKE_OVER_SECONDS)
        self._log.say(f"the onhand that ran {self.program.name} has ended: taking over")

    async def _wait(self, why: str) -> None:
        seconds = self._backoff.next_seconds()
        self._log.say(f"{self.program.name} {why}; starting it again in {seconds:.1f} s")
        await asyncio.sleep(seconds)

    async def _launch(self) -> _Run:
        await asyncio.to_thread(self._claim.end_left_behind, self.program, self._log.say)
        await asyncio.to_thread(self.program.prepare, self._log.say)
        process = await asyncio.create_subprocess_exec(
            *self.program.command, stdout=PIPE, **launch_options(self.program)
        )
        self._claim.note(process.pid)
        return _Run(process, asyncio.create_task(self._copy_output(process)), time.monotonic())

    async def _copy_output(self, process: Process) -> None:
        async for line in _lines(process.stdout):
            self._last_line = line.decode(errors="replace").strip() or self._last_line
            self._log.write(self.program.name, line)


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[bytes]:
    """Yield lines; one that is absurdly long comes in pieces instead of stopping everything."""
    rest = b""
    while stream and (chunk := await stream.read(1 << 16)):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > LONGEST_LINE:
            yield rest
            rest = b""
    if rest:
        yield rest
