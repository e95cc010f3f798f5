"""Requests over streams, replies over the asker's own channel.

Requests that are made while the last append is under way leave together in the next one. A request is a future in a
dict, and one clock looks through it for those that have waited too long.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import aclosing
from typing import TypeAlias

import msgspec
import structlog
from msgspec import UNSET, Struct, UnsetType
from uuid_utils import uuid7

from onhand.common.backoff import Backoff, stopped_within
from onhand.common.contracts import Command, Query
from onhand.common.errors import NoReply, Unavailable
from onhand.common.failpoints import hit
from onhand.common.messaging.bundles import part_of
from onhand.common.messaging.envelope import Envelope, Outgoing, decode_all
from onhand.common.messaging.outbound import Asked, Outbound, put_in_envelopes
from onhand.common.messaging.presence import CHANNEL, Presence
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.writer import Writer

Outcome: TypeAlias = Envelope | Unavailable | NoReply
"""What became of one of many requests: its reply, or that it was not sent, or that no reply came."""

_CLOCK_SECONDS = 0.05
_NOT_SENT = "others that were sent before got no reply in time"
_log = structlog.get_logger()


class Limits(Struct, frozen=True):
    """What an asker takes on.

    Attributes:
        in_flight: most requests that wait for a reply at once.
        backlog: most messages that may wait for any service when a command is sent; queries change nothing, and those
            that wait are bounded by the requests in flight.
    """

    in_flight: int
    backlog: int


class Requests:
    """Sends commands and queries and awaits their replies. To be made where an event loop runs.

    Args:
        service: name of the asking service.
        streams: where to send and listen.
        timeout_seconds: how long a reply may take.
        limits: beyond which requests are refused at once.

    Attributes:
        presence: who was heard of lately.
        refused: how many requests were not sent, by reason. They are plain numbers: under an overload refusals are most
            of what there is to do, and a counter of the client library takes half a microsecond.
    """

    def __init__(self, service: str, streams: Streams, *, timeout_seconds: float, limits: Limits) -> None:
        self._source = f"/{service}"
        self._channel = f"replies.{service}.{uuid7()}"
        self._streams = streams
        self._timeout = timeout_seconds
        self._limits = limits
        self._too_many = Unavailable(f"{limits.in_flight} requests are under way already")
        self._too_far_behind = Unavailable(f"more than {limits.backlog} messages wait to be worked off")
        self._loop = asyncio.get_running_loop()  # it is asked for by a system call each time before Python 3.12
        self._waiting: dict[str, Asked] = {}
        self._unsent = 0
        self._outbound = [Outbound(Writer(streams, partition)) for partition in range(streams.partitions)]
        self.presence = Presence()
        self._is_listening = False
        self.refused = {"redis-away": 0, "receiver-away": 0, "too-many": 0, "backlog": 0}

    @property
    def in_flight(self) -> int:
        """How many requests wait for a reply."""
        return self._unsent + len(self._waiting)

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
        answer = await self.send(request, traceparent, actor)
        hit("before_answer")
        return answer

    def send(
        self, request: Command | Query, traceparent: str | UnsetType = UNSET, actor: str | UnsetType = UNSET
    ) -> asyncio.Future[Envelope]:
        """Send a request; the reply is in the future, or what `ask` would raise.

        Whoever cancels it waits no longer; the request keeps its place until its reply comes or is overdue.
        """
        try:
            self._refuse_the_hopeless(request)
        except Unavailable as error:
            reply: asyncio.Future[Envelope] = self._loop.create_future()
            reply.set_exception(error)
            return reply
        return self._put(request, traceparent, actor)

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
            places = self._limits.in_flight - self.in_flight
            told = await self._ask_some(rest[:places], traceparent, actor)
            outcomes += told
            if any(isinstance(outcome, NoReply) for outcome in told):
                return outcomes + [Unavailable(_NOT_SENT)] * (len(requests) - len(outcomes))
        return outcomes

    async def _ask_some(
        self, requests: Sequence[Command | Query], traceparent: str | UnsetType, actor: str | UnsetType
    ) -> list[Outcome]:
        """Send all of these at once, and wait."""
        replies = [self._put(request, traceparent, actor) for request in requests]
        outcomes: list[Outcome] = []
        try:
            for reply in replies:
                try:
                    outcomes.append(await reply)
                except (NoReply, Unavailable) as error:
                    outcomes.append(error)
            hit("before_answer")
            return outcomes
        finally:
            for reply in replies:
                reply.cancel()

    def _put(
        self, request: Command | Query, traceparent: str | UnsetType, actor: str | UnsetType
    ) -> asyncio.Future[Envelope]:
        """Have a request leave with the next append.

        It is encoded here: where many leave together, one that cannot be would take the others with it.
        """
        part = part_of(request)
        reply: asyncio.Future[Envelope] = self._loop.create_future()
        partition = self._streams.partition_of(part.subject) if self._streams.partitions > 1 else 0
        deadline = self._loop.time() + self._timeout
        self._outbound[partition].add(Asked(request.TOPIC, part, traceparent, actor, reply, deadline))
        self._unsent += 1
        return reply

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
                outbound.wake()
            listening.cancel()

    def overload(self, *, changes: bool, under_way: int = 0) -> Unavailable | None:
        """Say whether there is too much to do already to take on one more request, and count it as refused if so.

        Args:
            changes: whether it would be a command; a query leaves nothing behind that has to be worked off.
            under_way: how many are, as far as the caller knows: those that were sent, and those that will be.
        """
        most = self._limits.in_flight
        if under_way >= most or self.in_flight >= most:
            self.refused["too-many"] += 1
            return self._too_many
        if changes and self.presence.backlog > self._limits.backlog:
            self.refused["backlog"] += 1
            return self._too_far_behind
        return None

    def _refuse_the_hopeless(self, request: Command | Query) -> None:
        if not self._is_listening:
            self.refused["redis-away"] += 1
            raise Unavailable("Redis is away")
        receiver = request.TOPIC.partition(".")[0]
        if self.presence.is_absent(receiver):
            self.refused["receiver-away"] += 1
            raise Unavailable(f"{receiver} is not ready")  # it may be there, and its database away
        overload = self.overload(changes=isinstance(request, Command))
        if overload is not None:
            raise Unavailable(str(overload))

    async def _send(self, outbound: Outbound, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            asked = await outbound.take()
            self._unsent -= len(asked)
            messages, ids = self._address(asked)
            try:
                if messages:
                    await outbound.writer.append(messages)
            except NoReply as error:  # they may be on the stream: a reply or the clock will tell
                _log.warning("requests may be lost", count=len(asked), error=str(error))
            except Unavailable as error:
                for request_id in ids:
                    self._waiting.pop(request_id, None)
                self._refuse(asked, error)
        await outbound.writer.close()

    def _address(self, asked: Sequence[Asked]) -> tuple[list[Outgoing], Collection[str]]:
        """Make messages of requests, and wait for their replies under some ids."""
        messages, ids = [], dict[str, Asked]()
        for message, its_ids in put_in_envelopes(asked, self._source, self._channel):
            messages.append(message)
            ids |= its_ids
        self._waiting |= ids
        return messages, ids

    def _refuse(self, asked: Sequence[Asked], error: Unavailable) -> None:
        """Tell that requests were not sent."""
        self.refused["redis-away"] += len(asked)
        for one in asked:
            if not one.reply.done():
                one.reply.set_exception(error)

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
        while not await stopped_within(_CLOCK_SECONDS, stopping):
            self._give_up(self._loop.time())

    def _give_up(self, now: float) -> None:
        """End the wait of those who have waited too long."""
        # All of them: who was sent later, because an append took long, may have been asked earlier.
        for request_id in [it for it, asked in self._waiting.items() if asked.deadline <= now]:
            reply = self._waiting.pop(request_id).reply
            if not reply.done():
                reply.set_exception(NoReply(f"no reply within {self._timeout:g} s"))
        for outbound in self._outbound:
            expired = outbound.take_expired(now)
            self._unsent -= len(expired)
            self._refuse(expired, Unavailable(f"Redis took nothing within {self._timeout:g} s"))

    def _settle(self, payload: bytes) -> None:
        try:
            replies = decode_all(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            _log.error("unreadable replies", error=str(error))
            return
        for envelope in replies:
            asked = self._waiting.pop(envelope.causationid or "", None)
            if asked is not None and not asked.reply.done():
                asked.reply.set_result(envelope)
