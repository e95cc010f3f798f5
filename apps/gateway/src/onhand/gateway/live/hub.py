"""The hub: reads the feed once for all who listen, while anybody does.

Redis only says when it is worth looking; what is told comes from Orders' log. So nothing is missed if Redis loses what
was published or says it twice, and a gateway has nothing to keep: whoever comes again, here or at another gateway, says
how far it had come.
"""

import asyncio
from functools import partial
from time import monotonic

from msgspec import UNSET

from onhand.common.backoff import Backoff, stopped_within
from onhand.common.contracts.order_events import EVENTS, OUTCOMES
from onhand.common.errors import NoReply, Unavailable
from onhand.common.messaging.request_reply import Requests
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.watch import watch
from onhand.common.telemetry import Trouble
from onhand.gateway.live.feed import BEGINNING, Interest, Page, page_in, place_of
from onhand.gateway.live.listener import Listener
from onhand.gateway.live.wanted import Wanted

_LOOK_SECONDS = 0.25
"""How long the hub waits for a word of Redis before it looks anyway: Redis may have lost it."""
_SOON_SECONDS = 0.05
"""The same while something is just being written."""
_WRITE_SECONDS, _BYTE_SECONDS = 15e-6, 0.5e-9
"""What it costs, about, to give something to one listener, and each byte of it."""
_SHARE = 0.02
"""Of its time that a gateway spends on writing to listeners, because orders come first; ..."""
_LONGEST_PAUSE_SECONDS = 0.75
"""... and more of it where they would hear of things too late otherwise. What listening costs is to write to each of a
thousand, so it is done with much at once, ..."""
_MOST_BYTES = 8 * 1024 * 1024
"""... but not with much more than this. It is 10 MiB a second, more than comes and less than most networks can take."""
_STEP_SECONDS, _PAGE_SECONDS = 0.1, 0.01
"""How long it waits meanwhile before it reads on, and how long if there is more already."""
_TURN_SECONDS = 1e-3
"""How long others have to wait while something is given out to many."""


class Live:
    """Gives out what happens to orders.

    Args:
        requests: asks Orders.
        streams: where it can be heard that something has happened.
        most: streams of events that are open at once.
        heartbeat_seconds: after so long without an event, a stream says that it is there.

    Attributes:
        streaming: how many are open.
    """

    def __init__(self, requests: Requests, streams: Streams, most: int, heartbeat_seconds: float = 15.0) -> None:
        self._requests = requests
        self._streams = streams
        self._most = most
        self.heartbeat_seconds = heartbeat_seconds
        self._listeners: set[Listener] = set()
        self._wanted: Wanted | None = None
        self._look = asyncio.Event()
        self._is_wanted = asyncio.Event()
        self._is_closed = False
        self._rests_until = 0.0
        self._collected_to = BEGINNING
        self.streaming = 0
        self.dropped = 0

    @property
    def is_closed(self) -> bool:
        """Whether the process is about to stop."""
        return self._is_closed

    def make_room(self) -> None:
        """Make sure that one more stream of events may be opened.

        Raises:
            Unavailable: it may not.
        """
        if self._is_closed:
            raise Unavailable("this gateway is being stopped")
        if self.streaming >= self._most:
            raise Unavailable(f"{self._most} streams of events are open already")

    async def end_of_feed(self) -> str:
        """Where the feed ends now, or a little before that.

        Raises:
            Unavailable, NoReply: Orders cannot be asked.
        """
        if self._listeners:
            told = max(self._listeners, key=lambda listener: listener.place).position
            return max(told, self._collected_to, key=place_of)
        return page_in(await self._requests.ask(Interest().query(UNSET))).next

    def join(self, interest: Interest, position: str) -> Listener:
        """Listen from a place in the feed on, which should be near its end: all that is later is read at once."""
        listener = Listener(interest, position)
        if self._is_closed:
            listener.close()
            return listener
        self._listeners.add(listener)
        self._wanted = None
        self._is_wanted.set()
        self._look.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        listener.close()
        self.dropped += listener.is_dropped
        self._listeners.discard(listener)
        self._wanted = None
        if not self._listeners:
            self._is_wanted.clear()
            self._collected_to = BEGINNING

    def close(self) -> None:
        """Let all end: the process is about to stop."""
        self._is_closed = True
        for listener in self._listeners:
            listener.close()

    async def run(self, stopping: asyncio.Event) -> None:
        """Read the feed while somebody listens, until `stopping` is set."""
        async with asyncio.TaskGroup() as tasks:
            for partition in range(self._streams.partitions):
                tasks.create_task(self._listen(partition, stopping))
            tasks.create_task(self._read(stopping))
            await stopping.wait()
            self._is_wanted.set()
            self._look.set()

    async def _listen(self, partition: int, stopping: asyncio.Event) -> None:
        """Hear from Redis when something has happened."""
        backoff, trouble = Backoff(), Trouble("cannot hear of events", partition=partition)
        while not stopping.is_set():
            await self._is_wanted.wait()
            try:
                await watch(self._streams, (OUTCOMES, EVENTS), partition, partial(self._heard, trouble), stopping)
            except Unavailable as error:
                trouble.is_there(error)
                await backoff.wait(stopping)

    def _heard(self, trouble: Trouble) -> float | None:
        """Note that it is worth looking; returns for how long nobody will."""
        trouble.is_over()
        self._look.set()
        return max(0.0, self._rests_until - monotonic()) if self._listeners else None

    async def _read(self, stopping: asyncio.Event) -> None:
        backoff, trouble = Backoff(), Trouble("cannot read the feed")
        while not stopping.is_set():
            await self._is_wanted.wait()
            self._look.clear()
            try:
                page, cost = await self._read_on(stopping)
            except (Unavailable, NoReply) as error:
                trouble.is_there(error)
                await backoff.wait(stopping)
                continue
            trouble.is_over()
            backoff.reset()
            if cost:
                rest = min(cost / _SHARE, _LONGEST_PAUSE_SECONDS)
                self._rests_until = monotonic() + rest
                await stopped_within(min(rest, _STEP_SECONDS), stopping)
            if not page.has_more:
                await stopped_within(_SOON_SECONDS if page.is_unfinished else _LOOK_SECONDS, self._look)

    async def _read_on(self, stopping: asyncio.Event) -> tuple[Page, float]:
        """Read on for all who listen now; returns what was read, and about how many seconds it takes to give it out.

        Several pages are given out together: a listener that is written to once costs as much as one event, however
        many events it is.
        """
        if not self._listeners:
            return Page([], "", has_more=False, is_unfinished=False), 0.0
        page, wanted = await self._collect(stopping)
        cost = await _give_out(page, wanted)
        if not page.has_more:
            wanted.end_beyond(page.next)
        return page, cost

    async def _collect(self, stopping: asyncio.Event) -> tuple[Page, Wanted]:
        """Read all that there is, and, bit by bit, what comes while the hub rests: at once, orders would wait."""
        wanted, began = self._wanted_by_all(), monotonic()
        page = page_in(await self._requests.ask(wanted.query()))
        entries, size = page.entries, _size_of(page)
        while size < _MOST_BYTES:
            self._collected_to = page.next
            rest = self._rests_until - monotonic()
            if rest <= 0 and (not page.has_more or monotonic() - began > _LONGEST_PAUSE_SECONDS):
                break
            if await stopped_within(_PAGE_SECONDS if page.has_more else min(rest, _STEP_SECONDS), stopping):
                break
            asked = self._with_newcomers(wanted, page.next)
            try:
                more = page_in(await self._requests.ask(asked.query(page.next)))
            except (Unavailable, NoReply):
                break  # what was read is told; the next question says that nobody answers
            if place_of(more.next) < place_of(page.next):  # an older state was put back: begin anew
                self._collected_to = BEGINNING
                return more._replace(entries=[], has_more=True), Wanted(())
            page, wanted = more, asked
            entries += page.entries
            size += _size_of(page)
        await stopped_within(max(0.0, self._rests_until - monotonic()), stopping)
        return page._replace(entries=entries), wanted

    def _wanted_by_all(self) -> Wanted:
        if self._wanted is None:
            self._wanted = Wanted(self._listeners)
        return self._wanted

    def _with_newcomers(self, wanted: Wanted, position: str) -> Wanted:
        """What is to be asked for from a position on: for all who listen, if that is enough for who has joined.

        Who wants to be told of what is before it is not in the question until the next begins.
        """
        place = place_of(position)
        if (
            self._wanted is None
            and self._listeners
            and all(it in wanted or it.place >= place for it in self._listeners)
        ):
            return self._wanted_by_all()
        return wanted


def _size_of(page: Page) -> int:
    return sum(len(told.event) for told in page.entries)


async def _give_out(page: Page, wanted: Wanted) -> float:
    """Give out a page; returns about how many seconds it takes, in which others have their turns."""
    cost, at_turn = 0.0, 0.0
    for size in wanted.give_out(page):
        cost += _WRITE_SECONDS + size * _BYTE_SECONDS
        if cost - at_turn > _TURN_SECONDS:
            await asyncio.sleep(0)
            at_turn = cost
    return cost
