"""The batch consumer: reads what has queued, runs the handlers in one transaction, publishes, acknowledges.

There is no timer and no waiting for a batch to fill: a batch is whatever queued while the last one was committed.
"""

import asyncio
from collections.abc import Sequence

from onhand.common.backoff import Backoff
from onhand.common.database import Database, Session
from onhand.common.messaging.batches import Batches, Subscription
from onhand.common.messaging.reader import Reader, open_reader
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.unit_of_work import Committed, UnitOfWork
from onhand.common.retry import is_transient
from onhand.common.telemetry import Trouble


class Consumer:
    """Reads one partition of the topics of its subscriptions as one member of the service's consumer group.

    Args:
        service: name of the service and of its group.
        subscriptions: what to handle; in a batch, messages of an earlier subscription are handled first.
        database: of the service.
        streams: where to read.
        name: this replica's name in the group; the same after a restart, so that it finds its unfinished work.
        batch_size: most messages in one transaction.
        partition: which partition to read.
    """

    def __init__(
        self,
        service: str,
        subscriptions: Sequence[Subscription],
        database: Database,
        streams: Streams,
        *,
        name: str,
        batch_size: int,
        partition: int = 0,
    ) -> None:
        self._unit = UnitOfWork(service)
        self._batches = Batches(subscriptions, self._unit)
        self._topics = list(dict.fromkeys(subscription.message.TOPIC for subscription in subscriptions))
        self._database = database
        self._streams = streams
        self._name = name
        self._count = max(1, batch_size // len(self._topics))
        self._partition = partition

    async def run(self, stopping: asyncio.Event) -> None:
        """Consume until `stopping` is set, then finish the batch in hand.

        Redis or the database may go away and come back: the consumer waits with backoff, creates its group again if
        it is gone, and takes up its own unfinished entries first.
        """
        backoff = Backoff()
        trouble = Trouble("consumer waits", topics=self._topics)
        while not stopping.is_set():
            try:
                async with (
                    open_reader(
                        self._streams,
                        self._unit.service,
                        self._name,
                        self._topics,
                        partition=self._partition,
                        count=self._count,
                    ) as reader,
                    self._database.session() as session,
                ):
                    turn = _Turn(reader, session, self._batches, self._unit)
                    await turn.finish_own_pending(stopping)
                    backoff.reset()
                    trouble.is_over()
                    await turn.consume(stopping)
            except Exception as error:
                if not is_transient(error):
                    raise
                trouble.is_there(error)
                await backoff.wait(stopping)


class _Turn:
    """A consumer between two troubles: while its connections to Redis and to the database last."""

    def __init__(self, reader: Reader, session: Session, batches: Batches, unit: UnitOfWork) -> None:
        self._reader = reader
        self._session = session
        self._batches = batches
        self._unit = unit

    async def finish_own_pending(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            entries = await self._reader.read_own_pending()
            if not entries:
                return
            await self._tell(await self._batches.process(entries, self._session, self._tell))

    async def consume(self, stopping: asyncio.Event) -> None:
        committed = Committed()
        while not stopping.is_set():
            # What came of the last batch goes the same way as the question for the next.
            entries = await self._reader.exchange(committed.delivery)
            self._unit.told(committed)
            if entries:
                committed = await self._batches.process(entries, self._session, self._tell)
            else:
                committed = Committed()
                await self._unit.tidy(self._session)
                await self._session.rest()
                self._batches.tally.flush()
        await self._tell(committed)
        await self._unit.tidy(self._session)

    async def _tell(self, committed: Committed) -> None:
        await self._reader.deliver(committed.delivery)
        self._unit.told(committed)
