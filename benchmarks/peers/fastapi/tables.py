"""Tables of all three services, and the engine that speaks to PostgreSQL.

SQLAlchemy with asyncio over asyncpg, one transaction for a message, as the tutorials of all three have it.
"""

import asyncio
import os
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import DateTime, Identity, MetaData, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

POOL_SIZE = int(os.environ.get("POOL_SIZE", "10"))

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=POOL_SIZE, max_overflow=0)
new_session = async_sessionmaker(engine, expire_on_commit=False)


class Table(DeclarativeBase):
    """Gathers the tables of a service."""

    metadata = MetaData()


class Order(Table):
    """One order of one product."""

    __tablename__ = "orders"

    order_id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    product_id: Mapped[str]
    quantity: Mapped[int]
    customer_id: Mapped[str]
    status: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class Stock(Table):
    """Units of a product."""

    __tablename__ = "stock"

    product_id: Mapped[str] = mapped_column(primary_key=True)
    on_hand: Mapped[int]
    available: Mapped[int]


class Reservation(Table):
    """Whose units are held, or could not be: an order is decided once, however often its event comes."""

    __tablename__ = "reservations"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[str]
    quantity: Mapped[int]


class OutboxMessage(Table):
    """A message that is stored with the effect it tells of, and published afterwards."""

    __tablename__ = "outbox"

    message_id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    stream: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)


async def create_tables() -> None:
    """Make what is not there yet."""
    async with engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)


if __name__ == "__main__":
    asyncio.run(create_tables())
