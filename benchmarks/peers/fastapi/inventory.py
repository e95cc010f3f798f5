"""Holds units for an order, or says that there are too few."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvloop
from faststream import FastStream
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from messages import ORDER_EVENTS, STOCK_EVENTS, OrderCreated, StockDecided, new_broker, reads
from tables import Reservation, Stock
from work import relaying, transaction

broker = new_broker()


@asynccontextmanager
async def lifespan() -> AsyncGenerator[None]:
    """Publish what is in the outbox."""
    await broker.connect()
    async with relaying(broker):
        yield


app = FastStream(broker, lifespan=lifespan)


@reads(broker, ORDER_EVENTS, "inventory")
async def reserve(event: OrderCreated) -> None:
    """Take the units off in one guarded update. The row of the reservation makes a second delivery do nothing."""
    async with transaction(broker) as work:
        reservation = insert(Reservation).values(**event.model_dump()).on_conflict_do_nothing()
        if not (await work.session.execute(reservation)).rowcount:
            return
        taken = await work.session.execute(
            update(Stock)
            .where(Stock.product_id == event.product_id, Stock.available >= event.quantity)
            .values(available=Stock.available - event.quantity)
        )
        work.publish(STOCK_EVENTS, StockDecided(order_id=event.order_id, reserved=taken.rowcount == 1))


if __name__ == "__main__":
    uvloop.run(app.run())
