"""The batch consumer: reads what has queued, runs the handlers in one transaction, publishes, acknowledges.

A batch is whatever queued while the last one was committed. Nothing waits for a batch to fill where the consumer has
long been idle, or where somebody waits for a reply. After a batch without replies it rests, and the next one is larger.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from onhand.common.backoff import Backoff, stopped_within
from onhand.common.database import Database, Session
from onhand.common.messaging.batches import Batches
from onhand.common.messaging.dead_keys import DeadKeys
from onhand.common.messaging.dead_letters import Place
from onhand.common.messaging.entries import Entry
from onhand.common.messaging.reader import Reader, open_reader
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.messaging.unit_of_work import Committed, UnitOfWork
from onhand.common.retry import is_transient
from onhand.common.telemetry import Trouble

_USUAL_MESSAGES = 8
"""How many messages an entry is expected to hold when entries are asked for. Under load it holds more, and what is too
much for one transaction waits for the next; when there is little to do it holds one or two."""
REST_SECONDS = 0.01
"""After a batch that nobody waits for. A small batch costs almost what a large one does, and without a rest a service
that keeps up does nothing but small ones (docs/adr/0037)."""

_log = structlog.get_logger()


class Member(NamedTuple):
    """One member of a consumer group.

    Attributes:
        name: the same after a restart, so that it finds its unfinished work; no other replica has it.
        partition: which partition it reads.
        batch_size: most messages in one transaction.
        claim_idle_seconds: age at which it takes over what another member was given and did not finish; more than any
            batch takes, or both do the same work (which changes nothing).
    """

    name: str
    partition: int = 0
    batch_size: int = 500
    claim_idle_seconds: float = 30.0


class Consumer:
    """Reads one partition of the topic of its subscriptions as a member of the service's consumer group.

    Args:
        service: name of the service and of its group.
        subscriptions: what to handle, all on one topic; in a batch, messages of an earlier one are handled first.
        database: of the service.
        streams: where to read.
        member: who it is in the group.
        dead_keys: what this process knows of dead letters.

    Attributes:
        topic: that it reads.
        trouble: there while it waits to try again what has failed through no fault of the messages.
    """

    def __init__(
        self,
        service: str,
        subscriptions: Sequence[Subscription],
        database: Database,
        streams: Streams,
        member: Member,
        dead_keys: DeadKeys,
    ) -> None:
        self._unit = UnitOfWork(service)
        place = Place(member.partition, member.name)
        self._batches = Batches(subscriptions, self._unit, dead_keys, place, member.batch_size)
        self._dead_keys = dead_keys
        (self.topic,) = {subscription.message.TOPIC for subscription in subscriptions}
        self._database = database
        self._streams = streams
        self._member = member
        self.trouble = Trouble("consumer waits", topic=self.topic)

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping` is set, then finish the batch in hand.

        Redis or the database may go away and come back: the consumer waits with backoff, creates its group again if
        it is gone, and takes up its own unfinished entries first.
        """
        backoff = Backoff()
        while not stopping.is_set():
            try:
                async with (
                    open_reader(
                        self._streams,
                        self._unit.service,
                        self._member.name,
                        self.topic,
                        partition=self._member.partition,
                        count=max(1, self._member.batch_size // _USUAL_MESSAGES),
                    ) as reader,
                    self._database.session() as session,
                ):
                    await self._dead_keys.refresh(session)
                    turn = _Turn(reader, session, self._batches, self._unit, self._member.claim_idle_seconds)
                    await turn.finish_own_pending(stopping)
                    backoff.reset()
                    self.trouble.is_over()
                    await turn.consume(stopping)
            except Exception as error:
                if not is_transient(error):
                    raise
                self.trouble.is_there(error)
                await backoff.wait(stopping)


class _Turn:
    """A consumer between two troubles: while its connections to Redis and to the database last."""

    def __init__(
        self, reader: Reader, session: Session, batches: Batches, unit: UnitOfWork, claim_idle_seconds: float
    ) -> None:
        self._reader = reader
        self._session = session
        self._batches = batches
        self._unit = unit
        self._claim_idle_ms = int(claim_idle_seconds * 1000)
        self._claim_pause = claim_idle_seconds / 4
        self._claim_at = 0.0

    async def finish_own_pending(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            entries = await self._reader.read_own_pending()
            if not entries:
                return
            await self._process(entries)

    async def consume(self, stopping: asyncio.Event) -> None:
        await self._take_over(stopping)
        committed = Committed()
        while not stopping.is_set():
            # What came of the last batch goes the same way as the question for the next, if there was no rest between.
            entries = await self._reader.exchange(committed.delivery)
            self._unit.told(committed)
            if entries:
                committed = await self._batches.process(entries, self._session, self._tell)
                if not (committed.delivery.replies or self._reader.is_behind):
                    await self._tell(committed)
                    committed = Committed()
                    await stopped_within(REST_SECONDS, stopping)
            else:
                committed = Committed()
                await self._unit.tidy(self._session)
                await self._session.rest()
                self._batches.tally.flush()
            if time.monotonic() >= self._claim_at:
                await self._tell(committed)
                committed = Committed()
                await self._take_over(stopping)
        await self._tell(committed)
        await self._unit.tidy(self._session)

    async def _take_over(self, stopping: asyncio.Event) -> None:
        """Do what replicas that are dead or frozen were given, and forget those that have nothing left."""
        is_done = False
        while not is_done and not stopping.is_set():
            if entries := await self._reader.claim(self._claim_idle_ms):
                _log.info("took over entries of other replicas", count=len(entries))
                await self._process(entries)
            is_done = self._reader.has_claimed_all
        await self._reader.remove_members(self._claim_idle_ms)
        self._claim_at = time.monotonic() + self._claim_pause

    async def _process(self, entries: Sequence[Entry]) -> None:
        await self._tell(await self._batches.process(entries, self._session, self._tell))

    async def _tell(self, committed: Committed) -> None:
        await self._reader.deliver(committed.delivery)
        self._unit.told(committed)
