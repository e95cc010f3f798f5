"""A service of the tests' own that is told stories, step by step, and may fail on any step."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest

from onhand.common.contracts import Command, Event, Query
from onhand.common.database import Database, Transaction
from onhand.common.message_service import by_topic
from onhand.common.messaging import batches
from onhand.common.messaging.consumer import Consumer, Member
from onhand.common.messaging.dead_keys import DeadKeys
from onhand.common.messaging.envelope import Answer, Effect, Envelope, Outgoing, Publish, Received, encode, wrap
from onhand.common.messaging.retries import Retries
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.subscriptions import Subscription
from onhand.common.messaging.unit_of_work import UnitOfWork
from onhand.common.periodic import repeat
from onhand.common.testing import eventually
from toy import Counted, Ok, append


class Write(Command, frozen=True):
    """Write one step of a story."""

    TYPE = "toy.write.v1"
    TOPIC = "toy.commands"
    SUBJECT = "story"

    story: str
    step: int


class Happened(Event, frozen=True):
    """One step of a story happened, elsewhere."""

    TYPE = "toy.happened.v1"
    TOPIC = "toy.stories"
    SUBJECT = "story"

    story: str
    step: int


class Ask(Query, frozen=True):
    """Ask about a step of a story."""

    TYPE = "toy.ask.v1"
    TOPIC = "toy.queries"
    SUBJECT = "story"

    story: str
    step: int


Step = tuple[str, int]


class Stories:
    """The service.

    Attributes:
        faults: what is raised on which step.
        sizes: how many steps each batch had.
    """

    def __init__(self, database: Database, streams: Streams) -> None:
        self.database = database
        self.streams = streams
        self.faults: dict[Step, Exception] = {}
        self.sizes: list[int] = []
        self.subscriptions = [Subscription(Write, self._write), Subscription(Happened, self._write)]
        self.queries = [Subscription(Ask, self._tell)]

    async def _write(self, batch: Sequence[Received[Any]], tx: Transaction) -> list[Effect]:
        effects: list[Effect] = []
        self.sizes.append(len(batch))
        for received in batch:
            await self._meet(received.message)
            await tx.execute(
                "INSERT INTO steps (story, step) VALUES ($1, $2)", received.message.story, received.message.step
            )
            effects.append(Publish(Counted(thing=received.message.story), cause=received))
        return effects

    async def _tell(self, batch: Sequence[Received[Ask]], _: Transaction) -> list[Effect]:
        for received in batch:
            await self._meet(received.message)
        return [Answer(received, Ok(thing=received.message.story)) for received in batch]

    async def _meet(self, message: Any) -> None:  # noqa: ANN401  # any of the three
        if fault := self.faults.get((message.story, message.step)):
            raise fault

    async def written(self) -> list[Step]:
        """The steps in the order in which they were written."""
        async with self.database.transaction() as tx:
            return [(row["story"], row["step"]) for row in await tx.fetch("SELECT story, step FROM steps ORDER BY id")]

    async def rows(self) -> list[dict[str, Any]]:
        """What is in the table of dead letters, in order."""
        async with self.database.transaction() as tx:
            return [dict(row) for row in await tx.fetch("SELECT * FROM dead_letters ORDER BY id")]

    async def change(self, statement: str, *arguments: object) -> None:
        """Do something to the database by hand."""
        async with self.database.transaction() as tx:
            await tx.execute(statement, *arguments)

    async def until_written(self, *steps: Step) -> None:
        """Wait until steps are written."""

        async def are_written() -> bool:
            return set(steps) <= set(await self.written())

        await eventually(are_written)

    async def until_rows(self, count: int) -> list[dict[str, Any]]:
        """Wait until there are so many dead letters, and return them."""

        async def are_there() -> bool:
            return len(await self.rows()) == count

        await eventually(are_there)
        return await self.rows()

    def retries(self) -> Retries:
        """Somebody who works off dead letters."""
        return Retries([*self.subscriptions, *self.queries], UnitOfWork("toy"), self.database, self.streams)

    async def work_off(self) -> None:
        """Work off what is due now."""
        await self.retries().work_off(asyncio.Event())

    @asynccontextmanager
    async def consuming(
        self, name: str = "toy-1", dead_keys: DeadKeys | None = None, refresh_seconds: float = 0.05
    ) -> AsyncIterator[None]:
        """Run the consumers of one replica for the length of the block."""
        keys = dead_keys or DeadKeys()
        stopping = asyncio.Event()
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            stack.callback(stopping.set)
            for subscriptions in by_topic([*self.subscriptions, *self.queries]):
                consumer = Consumer("toy", subscriptions, self.database, self.streams, Member(name), keys)
                tasks.create_task(consumer.run(stopping))
            tasks.create_task(repeat("keys", partial(keys.refresh, self.database), refresh_seconds, stopping))
            try:
                yield
            finally:
                stopping.set()

    async def send(self, *messages: Command | Event | Query) -> list[Envelope]:
        """Put messages on their streams; returns them in their envelopes."""
        envelopes = [wrap(message, source="/test", replyto="replies.test") for message in messages]
        await self.append(
            *(
                Outgoing(message.TOPIC, envelope.subject, encode(envelope))
                for message, envelope in zip(messages, envelopes, strict=True)
            )
        )
        return envelopes

    async def append(self, *outgoing: Outgoing) -> None:
        """Put anything on streams."""
        await append(self.streams, outgoing)


async def new_stories(database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch) -> Stories:
    """Make the service, with its one table; it tries again without a pause what fails."""
    monkeypatch.setattr(batches, "_ATTEMPT_SECONDS", 0)
    stories = Stories(database, streams)
    await stories.change("CREATE TABLE steps (id serial, story text, step integer)")
    return stories


def poison() -> Exception:
    """What a handler raises that fails every time."""
    return ZeroDivisionError("this cannot be written")


def brief(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Of each dead letter the state, the key and the type without its owner and version."""
    return [(row["state"], row["key"], row["type"].split(".")[1]) for row in rows]
