"""Stores an order, tells of it, and settles it when Inventory has decided."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvloop
from faststream import FastStream
from sqlalchemy import update

from messages import COMMANDS, ORDER_EVENTS, STOCK_EVENTS, CreateOrder, OrderCreated, StockDecided, new_broker, stream
from tables import POOL_SIZE, Order
from work import relaying, transaction

broker = new_broker()


@asynccontextmanager
async def lifespan() -> AsyncGenerator[None]:
    """Publish what is in the outbox."""
    await broker.connect()
    async with relaying(broker):
        yield


app = FastStream(broker, lifespan=lifespan)


@broker.subscriber(stream=stream(COMMANDS, "orders"), max_workers=POOL_SIZE)
async def create_order(command: CreateOrder) -> dict[str, object]:
    """Store the order; the answer goes to who asked."""
    order = Order(
        product_id=command.product_id, quantity=command.quantity, customer_id=command.customer_id, status="pending"
    )
    async with transaction(broker) as work:
        work.session.add(order)
        await work.session.flush()
        event = OrderCreated(order_id=order.order_id, product_id=order.product_id, quantity=order.quantity)
        work.publish(ORDER_EVENTS, event)
    return {
        "orderId": str(order.order_id),
        "productId": order.product_id,
        "quantity": order.quantity,
        "status": order.status,
    }


@broker.subscriber(stream=stream(STOCK_EVENTS, "orders"), max_workers=POOL_SIZE)
async def settle(event: StockDecided) -> None:
    """Confirm or reject an order that is still pending."""
    status = "confirmed" if event.reserved else "rejected"
    async with transaction(broker) as work:
        await work.session.execute(
            update(Order).where(Order.order_id == event.order_id, Order.status == "pending").values(status=status)
        )


if __name__ == "__main__":
    uvloop.run(app.run())
