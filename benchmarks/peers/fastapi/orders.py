"""Stores an order, tells of it, and settles it when Inventory has decided."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvloop
from faststream import FastStream
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from messages import (
    COMMANDS,
    ORDER_EVENTS,
    STOCK_EVENTS,
    CreateOrder,
    OrderAccepted,
    OrderCreated,
    StockDecided,
    new_broker,
    reads,
)
from tables import Order
from work import relaying, transaction

broker = new_broker()


@asynccontextmanager
async def lifespan() -> AsyncGenerator[None]:
    """Publish what is in the outbox."""
    await broker.connect()
    async with relaying(broker):
        yield


app = FastStream(broker, lifespan=lifespan)


@reads(broker, COMMANDS, "orders")
async def create_order(command: CreateOrder) -> OrderAccepted:
    """Store the order; the answer goes to who asked. A command that comes again changes nothing."""
    async with transaction(broker) as work:
        order = insert(Order).values(**command.model_dump(), status="pending").on_conflict_do_nothing()
        if (await work.session.execute(order)).rowcount:
            event = OrderCreated(order_id=command.order_id, product_id=command.product_id, quantity=command.quantity)
            work.publish(ORDER_EVENTS, event)
    return OrderAccepted(
        order_id=command.order_id, product_id=command.product_id, quantity=command.quantity, status="pending"
    )


@reads(broker, STOCK_EVENTS, "orders")
async def settle(event: StockDecided) -> None:
    """Confirm or reject an order that is still pending."""
    status = "confirmed" if event.reserved else "rejected"
    async with transaction(broker) as work:
        await work.session.execute(
            update(Order).where(Order.order_id == event.order_id, Order.status == "pending").values(status=status)
        )


if __name__ == "__main__":
    uvloop.run(app.run())
