"""A service of the tests' own: it counts what it is told, so that the runtime is tested without orders and stock."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec import UnsetType

from onhand.common.contracts import Command, Event, Reply
from onhand.common.database import Database, Transaction
from onhand.common.errors import Unavailable
from onhand.common.messaging.consumer import Consumer, Member
from onhand.common.messaging.dead_keys import DeadKeys
from onhand.common.messaging.entries import Delivery, Entry
from onhand.common.messaging.envelope import Answer, Effect, Outgoing, Publish, Received, decode, encode, wrap
from onhand.common.messaging.reader import open_reader
from onhand.common.messaging.request_reply import Limits, Requests
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.subscriptions import Handler, Subscription
from onhand.common.messaging.writer import Writer
from onhand.common.testing import eventually


class Count(Command, frozen=True):
    """Count one thing."""

    TYPE = "toy.count.v1"
    TOPIC = "toy.commands"
    SUBJECT = "thing"

    thing: str


class Counted(Event, frozen=True):
    """A thing was counted."""

    TYPE = "toy.counted.v1"
    TOPIC = "toy.events"
    SUBJECT = "thing"

    thing: str


class Ok(Reply, frozen=True):
    """Done."""

    TYPE = "toy.ok.v1"
    SUBJECT = "thing"

    thing: str


async def count(batch: Sequence[Received[Count]], tx: Transaction) -> list[Effect]:
    """Store each thing once, tell that it is counted, and answer."""
    rows = await tx.fetch(
        "INSERT INTO things SELECT DISTINCT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING thing",
        [received.message.thing for received in batch],
    )
    new = {row["thing"] for row in rows}
    effects: list[Effect] = [
        Publish(Counted(thing=received.message.thing), cause=received)
        for received in batch
        if received.message.thing in new
    ]
    return effects + [Answer(to=received, reply=Ok(thing=received.message.thing)) for received in batch]


async def create_table(database: Database) -> None:
    """Make the one table of the toy service."""
    async with database.transaction() as tx:
        await tx.execute("CREATE TABLE things (thing text PRIMARY KEY)")


async def things(database: Database) -> set[str]:
    """What has been counted."""
    async with database.transaction() as tx:
        return {row["thing"] for row in await tx.fetch("SELECT thing FROM things")}


async def send(streams: Streams, *names: str, replyto: str | UnsetType = "replies.test", apart: bool = False) -> None:
    """Put commands to count things on the stream."""
    envelopes = [wrap(Count(thing=name), source="/test", replyto=replyto) for name in names]
    messages = [Outgoing(Count.TOPIC, envelope.subject, encode(envelope)) for envelope in envelopes]
    await append(streams, messages, apart=apart)


async def append(streams: Streams, messages: Sequence[Outgoing], *, apart: bool = False) -> None:
    """Append as the gateway does: together, or each as an entry of its own."""
    writer = Writer(streams, 0)
    try:
        for some in [[message] for message in messages] if apart else [messages]:
            await writer.append(some)
    finally:
        await writer.close()


async def told(streams: Streams) -> list[str]:
    """The things that have been told to be counted, in order, read as a group of the test's own."""
    entries = await read(streams, "listener", Counted.TOPIC)
    await acknowledge(streams, "listener", Counted.TOPIC, entries)
    return [decode(entry.payload).subject for entry in entries if entry.payload]


async def pending(streams: Streams, name: str = "toy-1") -> list[Entry]:
    """What the toy's consumer was given and has not acknowledged."""
    async with open_reader(streams, "toy", name, Count.TOPIC, count=1000) as reader:
        return await reader.read_own_pending()


async def read(streams: Streams, group: str, topic: str, name: str = "test", count: int = 1000) -> list[Entry]:
    """Read what a group has not seen."""
    async with open_reader(streams, group, name, topic, count=count) as reader:
        return await reader.exchange(Delivery())


async def acknowledge(streams: Streams, group: str, topic: str, entries: Sequence[Entry]) -> None:
    """Acknowledge what a group was given."""
    async with open_reader(streams, group, "test", topic, count=1) as reader:
        await reader.deliver(Delivery(done=entries))


async def age_outbox(database: Database) -> None:
    """Make what is in the outbox look left behind."""
    async with database.transaction() as tx:
        await tx.execute("UPDATE outbox SET written_at = written_at - interval '1 minute'")


@asynccontextmanager
async def consuming(
    database: Database,
    streams: Streams,
    handler: Handler = count,
    name: str = "toy-1",
    claim_idle_seconds: float = 30.0,
    batch_size: int = 100,
) -> AsyncIterator[asyncio.Task[None]]:
    """Run the toy's consumer for the length of the block, then let it finish."""
    member = Member(name, batch_size=batch_size, claim_idle_seconds=claim_idle_seconds)
    consumer = Consumer("toy", [Subscription(Count, handler)], database, streams, member, DeadKeys())
    stopping = asyncio.Event()
    task = asyncio.create_task(consumer.run(stopping))
    try:
        yield task
    finally:
        stopping.set()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


@asynccontextmanager
async def asking(
    streams: Streams, timeout_seconds: float = 5.0, max_in_flight: int = 1000, max_backlog: int = 1000
) -> AsyncIterator[Requests]:
    """Run an asker for the length of the block."""
    limits = Limits(max_in_flight, max_backlog)
    requests = Requests("test", streams, timeout_seconds=timeout_seconds, limits=limits)
    stopping = asyncio.Event()
    task = asyncio.create_task(requests.run(stopping))

    async def listening() -> bool:
        try:
            await requests.check_listening()
        except Unavailable:
            return False
        return True

    try:
        await eventually(listening)
        yield requests
    finally:
        stopping.set()
        await task
