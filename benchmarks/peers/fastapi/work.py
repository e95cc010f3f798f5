"""One transaction, and what it has to tell: said after the commit, or stored with it in an outbox."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from faststream.redis import RedisBroker
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from messages import HAS_OUTBOX
from tables import OutboxMessage, new_session

_BATCH = 100
_POLL_SECONDS = 0.05


class Work:
    """A session of the database, and messages that go out if it is committed."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.messages: list[tuple[str, BaseModel]] = []

    def publish(self, stream: str, message: BaseModel) -> None:
        """Say something once the transaction is committed."""
        self.messages.append((stream, message))


@asynccontextmanager
async def transaction(broker: RedisBroker) -> AsyncGenerator[Work]:
    """Commit at the end of the block. Without an outbox a message is lost if the process dies after the commit."""
    async with new_session.begin() as session:
        work = Work(session)
        yield work
        if HAS_OUTBOX:
            session.add_all(
                OutboxMessage(stream=stream, body=message.model_dump(mode="json")) for stream, message in work.messages
            )
    if not HAS_OUTBOX:
        for stream, message in work.messages:
            await broker.publish(message, stream=stream)


@asynccontextmanager
async def relaying(broker: RedisBroker) -> AsyncGenerator[None]:
    """Publish what is in the outbox for the time of the block, if there is an outbox."""
    if not HAS_OUTBOX:
        yield
        return
    relay = asyncio.create_task(_relay(broker))
    yield
    relay.cancel()
    with suppress(asyncio.CancelledError):
        await relay


async def _relay(broker: RedisBroker) -> None:
    while True:
        try:
            published = await _publish_some(broker)
        except (OSError, RedisError, SQLAlchemyError):
            logging.exception("cannot publish what is in the outbox")
            published = 0
        if not published:
            await asyncio.sleep(_POLL_SECONDS)


async def _publish_some(broker: RedisBroker) -> int:
    """Publish and delete in one transaction: what is published twice by a crash is decided once by who gets it."""
    async with new_session.begin() as session:
        oldest = (
            select(OutboxMessage).order_by(OutboxMessage.message_id).limit(_BATCH).with_for_update(skip_locked=True)
        )
        messages = (await session.scalars(oldest)).all()
        if messages:
            redis = await broker.connect()
            async with redis.pipeline(transaction=False) as pipeline:
                for message in messages:
                    await broker.publish(message.body, stream=message.stream, pipeline=pipeline)
                await pipeline.execute()
            ids = [message.message_id for message in messages]
            await session.execute(delete(OutboxMessage).where(OutboxMessage.message_id.in_(ids)))
        return len(messages)
