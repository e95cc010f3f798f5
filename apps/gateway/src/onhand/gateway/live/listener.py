"""One who listens: what waits for it, and the end of its patience or ours."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

from onhand.gateway.live.feed import Interest, place_of

MOST_WAITING_BYTES = 12 * 1024 * 1024
"""What may wait for one listener; the bytes are shared by all that wait for the same."""
MOST_WAITING_SECONDS = 30.0
"""How long something may wait while none of it is taken. So what waits for all who do not read, each something else,
is at most what happens in that time."""
_MOST_AT_ONCE_BYTES = 16 * 1024
"""Of what had to wait, is given to a connection at once: it copies that, and keeps 64 KiB before it says so."""


class Listener:
    """Events for one client, in order. Made by `Live.join`.

    Attributes:
        position: up to where everything is here that it wants.
        is_dropped: whether it took too little of what there was for it, or nothing for too long.
        when_dropped: is called then.
        write_now: sends events at once, if it can: all of them in one call and without a copy. To wake a task for each
            16 KiB and go through all that is between would cost many times as much.
    """

    def __init__(self, interest: Interest, position: str) -> None:
        self.interest = interest
        self.position = position
        self.place = place_of(position)
        self.is_dropped = False
        self.when_dropped: Callable[[], None] | None = None
        self.write_now: Callable[[bytes], bool] | None = None
        self._is_idle = False
        self._is_closed = False
        self._waiting: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self._moved_at = 0.0
        self._has_some = asyncio.Event()

    def offer(self, events: bytes) -> None:
        """Add some events, or drop the listener if too many wait for it already, or for too long."""
        if self._is_closed:
            return
        if self._is_idle and self.write_now is not None and self.write_now(events):
            return
        is_too_much = self._waiting_bytes + len(events) > MOST_WAITING_BYTES
        if self._waiting and (is_too_much or monotonic() - self._moved_at > MOST_WAITING_SECONDS):
            self.is_dropped = True
            self.close()
            if self.when_dropped is not None:
                self.when_dropped()
            return
        if not self._waiting:
            self._moved_at = monotonic()
        self._waiting.append(memoryview(events))
        self._waiting_bytes += len(events)
        self._is_idle = False
        self._has_some.set()

    def advance(self, position: str, place: tuple[int, str, int]) -> None:
        """Note that everything up to a place was offered."""
        if place > self.place:
            self.position, self.place = position, place

    def close(self) -> None:
        """Let it end once it has taken what waits; at once if it is dropped."""
        self._is_closed = True
        if self.is_dropped:
            self._waiting.clear()
        self._has_some.set()

    async def take(self, seconds: float) -> bytes | None:
        """A piece of what waits; nothing (b"") if nothing has to wait for so long, None at the end."""
        if not self._waiting and not self._is_closed:
            self._has_some.clear()
            self._is_idle = True
            try:
                async with asyncio.timeout(seconds):
                    await self._has_some.wait()
            except TimeoutError:
                return b""
            finally:
                self._is_idle = False
        return self._next_piece() if self._waiting else None

    def _next_piece(self) -> bytes:
        pieces, size = [], 0
        self._moved_at = monotonic()
        while self._waiting and size + len(self._waiting[0]) <= _MOST_AT_ONCE_BYTES:
            pieces.append(self._waiting.popleft())
            size += len(pieces[-1])
        if not pieces:  # a view, because the rest of it is still that of all others
            pieces.append(self._waiting[0][:_MOST_AT_ONCE_BYTES])
            self._waiting[0] = self._waiting[0][_MOST_AT_ONCE_BYTES:]
            size = _MOST_AT_ONCE_BYTES
        self._waiting_bytes -= size
        return b"".join(pieces)
