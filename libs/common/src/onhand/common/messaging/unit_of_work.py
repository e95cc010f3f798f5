"""One unit of work: a transaction, and after its COMMIT whatever it has to tell.

Nothing is published, answered or acknowledged before COMMIT; what is published is in the outbox first.
"""

from collections.abc import Awaitable, Callable, Sequence

from onhand.common.database import Database, Transaction
from onhand.common.messaging.envelope import Effect, events_of, replies_of
from onhand.common.messaging.outbox import Outbox
from onhand.common.messaging.streams import Entry, Streams

Work = Callable[[Transaction], Awaitable[Sequence[Effect]]]
"""Does something in a transaction and returns what to tell once it is committed."""


class UnitOfWork:
    """Runs work for one service.

    Args:
        service: name of the service; also the name of its consumer group and the source of its messages.
    """

    def __init__(self, service: str, database: Database, streams: Streams) -> None:
        self.service = service
        self._database = database
        self._streams = streams
        self._outbox = Outbox()

    async def run(self, work: Work, done: Sequence[Entry] = ()) -> None:
        """Run work in a transaction with its outbox row; then publish, reply and acknowledge `done`.

        Raises:
            Unavailable: the transaction is committed, but Redis did not take what follows from it. The sweeper will
                publish the events, and the entries that are not acknowledged will be read again.
            Exception: whatever the work or the database raised; nothing has happened.
        """
        source = f"/{self.service}"
        async with self._database.transaction() as tx:
            effects = await work(tx)
            events = events_of(effects, source)
            write = await self._outbox.write(tx, events)
        # Committed. Before this line nobody may hear of it, and the entries may not be acknowledged.
        self._outbox.committed(write)
        await self._streams.deliver(self.service, events, replies_of(effects, source), done)
        self._outbox.published(write)

    async def pass_over(self, entries: Sequence[Entry]) -> None:
        """Acknowledge entries that ask nothing of this service.

        Raises:
            Unavailable: Redis is away; they will be read again.
        """
        await self._streams.deliver(self.service, (), {}, entries)

    async def tidy(self) -> None:
        """Delete the outbox rows that are published, when no batch comes to do it on its way."""
        if self._outbox.holds_published:
            await self.run(_nothing)


async def _nothing(_: Transaction) -> Sequence[Effect]:
    return ()
