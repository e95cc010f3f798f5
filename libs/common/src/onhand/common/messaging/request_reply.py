"""Requests over streams, replies over the asker's own channel.

Requests that are made while the last append is under way leave together in the next one. A request is a future in a
dict; the dict is in order of age, so one clock looks only at its front for what has waited too long.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import NamedTuple, TypeAlias

import msgspec
import structlog
from msgspec import UNSET, UnsetType
from uuid_utils import uuid7

from onhand.common.backoff import Backoff, stopped_within
from onhand.common.contracts import Command, Query
from onhand.common.errors import NoReply, Unavailable
from onhand.common.failpoints import hit
from onhand.common.messaging.bundles import MOST_PARTS, bundle, part_id, subject_of
from onhand.common.messaging.envelope import Envelope, Outgoing, decode_all, encode, wrap
from onhand.common.messaging.presence import CHANNEL, Presence
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.writer import Writer
from onhand.common.metrics import RefusalMetrics

Outcome: TypeAlias = Envelope | Unavailable | NoReply
"""What became of one of many requests: its reply, or that it was not sent, or that no reply came."""

_CLOCK_SECONDS = 0.05
_NOT_SENT = "others that were sent before got no reply in time"
_log = structlog.get_logger()


class Limits(NamedTuple):
    """What an asker takes on.

    Attributes:
        in_flight: most requests that wait for a reply at once.
        backlog: most messages that may wait for any service when a command is sent; queries change nothing, and those
            that wait are bounded by the requests in flight.
    """

    in_flight: int
    backlog: int


class _Waiting(NamedTuple):
    reply: asyncio.Future[Envelope]
    deadline: float


class _Outbound:
    """Requests that wait to be appended to one partition, and who appends them."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.request_ids: list[str] = []
        self.messages: list[Outgoing] = []
        self.has_some = asyncio.Event()

    def add(self, message: Outgoing, *request_ids: str) -> None:
        self.request_ids += request_ids
        self.messages.append(message)
        self.has_some.set()

    async def take(self) -> tuple[list[str], list[Outgoing]]:
        await self.has_some.wait()
        self.has_some.clear()
        taken = self.request_ids, self.messages
        self.request_ids, self.messages = [], []
        return taken


class Requests:
    """Sends commands and queries and awaits their replies.

    Args:
        service: name of the asking service.
        streams: where to send and listen.
        timeout_seconds: how long a reply may take.
        limits: beyond which requests are refused at once.

    Attributes:
        presence: who was heard of lately.
    """

    def __init__(self, service: str, streams: Streams, *, timeout_seconds: float, limits: Limits) -> None:
        self._source = f"/{service}"
        self._channel = f"replies.{service}.{uuid7()}"
        self._streams = streams
        self._timeout = timeout_seconds
        self._limits = limits
        self._too_many = Unavailable(f"{limits.in_flight} requests are under way already")
        self._too_far_behind = Unavailable(f"more than {limits.backlog} messages wait to be worked off")
        self._waiting: dict[str, _Waiting] = {}
        self._outbound = [_Outbound(Writer(streams, partition)) for partition in range(streams.partitions)]
        self.presence = Presence()
        self._is_listening = False
        self._refusals = RefusalMetrics()

    @property
    def in_flight(self) -> int:
        """How many requests wait for a reply."""
        return len(self._waiting)

    async def ask(
        self, request: Command | Query, traceparent: str | UnsetType = UNSET, actor: str | UnsetType = UNSET
    ) -> Envelope:
        """Send a request and wait for its reply.

        Args:
            request: what to ask.
            traceparent: W3C trace context of whoever asked us.
            actor: who wants it.

        Raises:
            Unavailable: nothing was sent: Redis or the receiver is away, or too many requests wait already.
            NoReply: no reply came in time; a command may have been, or may yet be, carried out.
        """
        self._refuse_the_hopeless(request)
        envelope = wrap(request, source=self._source, replyto=self._channel, traceparent=traceparent, actor=actor)
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Envelope] = loop.create_future()
        self._waiting[envelope.id] = _Waiting(reply, loop.time() + self._timeout)
        message = Outgoing(request.TOPIC, envelope.subject, encode(envelope))
        self._outbound[self._streams.partition_of(message.key)].add(message, envelope.id)
        try:
            answer = await reply
            hit("before_answer")
            return answer
        finally:
            self._waiting.pop(envelope.id, None)

    async def ask_all(
        self,
        requests: Sequence[Command | Query],
        traceparent: str | UnsetType = UNSET,
        actor: str | UnsetType = UNSET,
    ) -> list[Outcome]:
        """Send requests in bundles and wait for their replies.

        As many as there are places for go at once, and the next take their places, so that more than `in_flight` can be
        asked. If one of them gets no reply, no more are sent: the others would wait as long, one after the other.

        Args:
            requests: what to ask, all of one service.
            traceparent: W3C trace context of whoever asked us.
            actor: who wants it.

        Returns:
            For each in its place the reply, or what `ask` would have raised.
        """
        outcomes: list[Outcome] = []
        while rest := requests[len(outcomes) :]:
            try:
                self._refuse_the_hopeless(rest[0])
            except Unavailable as error:
                return outcomes + [error] * len(rest)
            places = self._limits.in_flight - len(self._waiting)
            told = await self._ask_some(rest[:places], traceparent, actor)
            outcomes += told
            if any(isinstance(outcome, NoReply) for outcome in told):
                return outcomes + [Unavailable(_NOT_SENT)] * (len(requests) - len(outcomes))
        return outcomes

    async def _ask_some(
        self, requests: Sequence[Command | Query], traceparent: str | UnsetType, actor: str | UnsetType
    ) -> list[Outcome]:
        """Send all of these at once, and wait."""
        ids = self._send_bundled(requests, traceparent, actor)
        outcomes: list[Outcome] = []
        try:
            for request_id in ids:
                try:
                    outcomes.append(await self._waiting[request_id].reply)
                except (NoReply, Unavailable) as error:
                    outcomes.append(error)
            hit("before_answer")
            return outcomes
        finally:
            for request_id in ids:
                self._waiting.pop(request_id, None)

    def _send_bundled(
        self, requests: Sequence[Command | Query], traceparent: str | UnsetType, actor: str | UnsetType
    ) -> list[str]:
        """Send requests; returns the ids under which their replies are waited for, in order."""
        put = partial(bundle, source=self._source, replyto=self._channel, traceparent=traceparent, actor=actor)
        bundles = [
            (partition, numbers, put([requests[number] for number in numbers]))
            for partition, numbers in self._bundled(requests)
        ]
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        ids = [""] * len(requests)
        for partition, numbers, envelope in bundles:
            for place, number in enumerate(numbers):
                ids[number] = part_id(envelope.id, place)
                self._waiting[ids[number]] = _Waiting(loop.create_future(), deadline)
            message = Outgoing(requests[0].TOPIC, envelope.subject, encode(envelope), len(numbers))
            self._outbound[partition].add(message, *(ids[number] for number in numbers))
        return ids

    def _bundled(self, requests: Sequence[Command | Query]) -> Iterator[tuple[int, Sequence[int]]]:
        """Which requests go together: the partition, and their numbers."""
        partitions: dict[int, list[int]] = {}
        if self._streams.partitions == 1:
            partitions[0] = list(range(len(requests)))
        else:
            for number, request in enumerate(requests):
                partitions.setdefault(self._streams.partition_of(subject_of(request)), []).append(number)
        for partition, numbers in partitions.items():
            for start in range(0, len(numbers), MOST_PARTS):
                yield partition, numbers[start : start + MOST_PARTS]

    async def check_listening(self) -> None:
        """Readiness probe.

        Raises:
            Unavailable: replies could not be heard.
        """
        if not self._is_listening:
            raise Unavailable("not listening for replies: Redis is away")

    async def run(self, stopping: asyncio.Event) -> None:
        """Send, listen and watch the clock until `stopping` is set."""
        async with asyncio.TaskGroup() as group:
            for outbound in self._outbound:
                group.create_task(self._send(outbound, stopping))
            group.create_task(self._watch_clock(stopping))
            listening = group.create_task(self._listen(stopping))
            await stopping.wait()
            for outbound in self._outbound:
                outbound.has_some.set()
            listening.cancel()

    def overload(self, *, changes: bool, under_way: int = 0) -> Unavailable | None:
        """Say whether there is too much to do already to take on one more request, and count it as refused if so.

        Args:
            changes: whether it would be a command; a query leaves nothing behind that has to be worked off.
            under_way: how many are, as far as the caller knows: those that were sent, and those that will be.
        """
        if max(under_way, len(self._waiting)) >= self._limits.in_flight:
            self._refusals.too_many.inc()
            return self._too_many
        if changes and self.presence.backlog > self._limits.backlog:
            self._refusals.backlog.inc()
            return self._too_far_behind
        return None

    def _refuse_the_hopeless(self, request: Command | Query) -> None:
        if not self._is_listening:
            self._refusals.redis_away.inc()
            raise Unavailable("Redis is away")
        receiver = request.TOPIC.partition(".")[0]
        if self.presence.is_absent(receiver):
            self._refusals.receiver_away.inc()
            raise Unavailable(f"{receiver} is not ready")  # it may be there, and its database away
        overload = self.overload(changes=isinstance(request, Command))
        if overload is not None:
            raise Unavailable(str(overload))

    async def _send(self, outbound: _Outbound, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            request_ids, messages = await outbound.take()
            try:
                if messages:
                    await outbound.writer.append(messages)
            except NoReply as error:  # they may be on the stream: a reply or the clock will tell
                _log.warning("requests may be lost", count=len(messages), error=str(error))
            except Unavailable as error:
                self._refusals.redis_away.inc(len(request_ids))
                for request_id in request_ids:
                    self._fail(request_id, error)
        await outbound.writer.close()

    async def _listen(self, stopping: asyncio.Event) -> None:
        backoff = Backoff()
        while not stopping.is_set():
            try:
                async with aclosing(self._streams.listen([self._channel, CHANNEL])) as messages:
                    async for channel, payload in messages:
                        if channel == CHANNEL:
                            self.presence.heard(payload)
                        elif payload:
                            self._settle(payload)
                        else:
                            self._is_listening = True
                            backoff.reset()
            except Unavailable as error:
                _log.warning("cannot hear replies", error=str(error))
            self._is_listening = False
            for outbound in self._outbound:  # what they would send on a connection that is gone as well may be lost
                outbound.writer.doubt()
            await backoff.wait(stopping)

    async def _watch_clock(self, stopping: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        while not await stopped_within(_CLOCK_SECONDS, stopping):
            now = loop.time()
            expired = []
            for request_id, waiting in self._waiting.items():
                if waiting.deadline > now:
                    break
                expired.append(request_id)
            for request_id in expired:
                self._fail(request_id, NoReply(f"no reply within {self._timeout:g} s"))

    def _settle(self, payload: bytes) -> None:
        try:
            replies = decode_all(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            _log.error("unreadable replies", error=str(error))
            return
        for envelope in replies:
            waiting = self._waiting.get(envelope.causationid or "")
            if waiting is not None and not waiting.reply.done():
                waiting.reply.set_result(envelope)

    def _fail(self, request_id: str, error: Exception) -> None:
        waiting = self._waiting.get(request_id)
        if waiting is not None and not waiting.reply.done():
            waiting.reply.set_exception(error)
