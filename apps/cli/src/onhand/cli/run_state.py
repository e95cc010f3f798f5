"""What runs on an ONHAND_HOME, and who runs it: one file per component, at once its lock and its record."""

import fcntl
import os
import time
from pathlib import Path
from typing import Self

import msgspec
import psutil

from onhand.cli.programs import POLL_SECONDS, Program, Say

KILLED_SECONDS = 5.0
"""What the kernel is given to clear away a process that was killed, and to free its port."""


class Identity(msgspec.Struct, frozen=True):
    """A process, told apart from a later one that was given the same pid."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Return the identity of a process, or None if it has ended already."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def process(self) -> psutil.Process | None:
        """Return the process, or None if it is gone."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 1  # a clock that was set moves it a little
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def ends_within(self, seconds: float) -> bool:
        """Wait for the process, which need not be our child, to end; returns whether it did."""
        deadline = time.monotonic() + seconds
        while self.process():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True


class Record(msgspec.Struct, frozen=True):
    """Who runs a component.

    Attributes:
        supervisor: the `onhand` that answers for it.
        process: the component itself; None while it is not running.
    """

    supervisor: Identity
    process: Identity | None = None


class Claim:
    """The right to run a component: as long as this process holds it, no other `onhand` runs the same.

    The kernel gives it back when this process ends, however it ends. The record stays behind then, and tells
    the next one what may still be running.
    """

    def __init__(self, run: Path, component: str) -> None:
        self.component = component
        self._path = run / f"{component}.lock"
        self._supervisor = Identity(os.getpid(), psutil.Process().create_time())
        self._file: int | None = None
        self._left_behind: Identity | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def take(self) -> bool:
        """Take the claim unless another process has it; returns whether it is ours now."""
        if self._file is None:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            before = self.record()
            self._left_behind = before.process if before else None
            self._file = file
            self.note(None)
        return True

    def note(self, pid: int | None) -> None:
        """Record the process that runs the component now."""
        record = Record(self._supervisor, Identity.of(pid) if pid else self._left_behind)
        self._write(msgspec.json.encode(record))

    def release(self) -> None:
        """Give the claim back, with nothing left running."""
        if self._file is not None:
            self._write(b"")
            os.close(self._file)
            self._file = None

    def record(self) -> Record | None:
        """Return what the record says, whoever wrote it; None if it is empty."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Record)
        except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):  # a record half written reads as none
            return None

    def by_whom(self) -> str:
        """Return the words for the `onhand` that has the claim, to put behind "is running"."""
        record = self.record()
        return f" (pid {record.supervisor.pid})" if record else ""

    def end_left_behind(self, program: Program, say: Say) -> None:
        """Stop what a killed `onhand` left running; only what the record names for certain."""
        if self._left_behind and (process := self._left_behind.process()):
            say(f"stopping {self.component} (pid {process.pid}), left behind by an onhand that was killed")
            process.send_signal(program.stop_signal)
            if not self._left_behind.ends_within(program.stop_seconds):
                process.kill()
                self._left_behind.ends_within(KILLED_SECONDS)
        self._left_behind = None

    def _write(self, content: bytes) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, content, 0)
