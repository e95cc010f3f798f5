"""One unit of work: a transaction, and after its COMMIT whatever it has to tell.

Nothing is published, answered or acknowledged before COMMIT; what is published is in the outbox first.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from onhand.common.database import Transaction, Transactions
from onhand.common.failpoints import hit
from onhand.common.messaging.entries import Delivery, Entry
from onhand.common.messaging.envelope import Effect, events_of, replies_of
from onhand.common.messaging.outbox import Outbox, OutboxWrite
from onhand.common.messaging.streams import Streams

Work = Callable[[Transaction], Awaitable[Sequence[Effect]]]
"""Does something in a transaction and returns what to tell once it is committed."""


class Committed(NamedTuple):
    """A transaction that is on disk, and what it has yet to tell.

    If it is never told, because the process dies or Redis is away, the sweeper publishes its events, and the entries it
    did not acknowledge are read again.
    """

    delivery: Delivery = Delivery()
    write: OutboxWrite = OutboxWrite(None, [])


class UnitOfWork:
    """Runs work for one service.

    Args:
        service: name of the service; also the name of its consumer group and the source of its messages.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._outbox = Outbox()

    async def commit(self, work: Work, transactions: Transactions, done: Sequence[Entry] = ()) -> Committed:
        """Run work in a transaction with its outbox row; returns what is to be told now.

        Raises:
            Exception: whatever the work or the database raised; nothing has happened.
        """
        source = f"/{self.service}"
        async with transactions.transaction() as tx:
            effects = await work(tx)
            events = events_of(effects, source)
            write = await self._outbox.write(tx, events)
            if events:
                hit("before_commit")
        # Committed. Before this line nobody may hear of it, and the entries may not be acknowledged.
        if events:
            hit("after_commit")
        self._outbox.committed(write)
        return Committed(Delivery(events, replies_of(effects, source), done), write)

    def told(self, committed: Committed) -> None:
        """Note that what was committed has been told: a later transaction may delete its outbox row."""
        if committed.write.row is not None:
            hit("before_mark")
        self._outbox.published(committed.write)

    async def run(self, work: Work, transactions: Transactions, streams: Streams) -> None:
        """Run work that no message led to, and tell what follows.

        Raises:
            Unavailable: the transaction is committed, but Redis did not take what follows from it. The sweeper will.
            Exception: whatever the work or the database raised; nothing has happened.
        """
        await self.tell(await self.commit(work, transactions), streams)

    async def tell(self, committed: Committed, streams: Streams) -> None:
        """Tell what was committed and no entry led to.

        Raises:
            Unavailable: Redis did not take it. The sweeper will see to it.
        """
        await streams.tell(committed.delivery.messages, committed.delivery.replies)
        self.told(committed)

    async def tidy(self, transactions: Transactions) -> None:
        """Delete the outbox rows that are published, when no batch comes to do it on its way."""
        if self._outbox.holds_published:
            await self.commit(_nothing, transactions)


async def _nothing(_: Transaction) -> Sequence[Effect]:
    return ()
