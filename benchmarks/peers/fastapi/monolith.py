"""All in one process and one database: an order and its stock are one transaction, and there are no messages."""

from fastapi import FastAPI
from sqlalchemy import update

from messages import OrderAccepted, OrderRequest
from tables import Order, Stock, new_session

app = FastAPI()


@app.post("/api/gateway/orders", status_code=201)
async def create_order(request: OrderRequest) -> OrderAccepted:
    """Take the units off in one guarded update, and store the order with what came of it."""
    async with new_session.begin() as session:
        taken = await session.execute(
            update(Stock)
            .where(Stock.product_id == request.product_id, Stock.available >= request.quantity)
            .values(available=Stock.available - request.quantity)
        )
        order = Order(
            product_id=request.product_id,
            quantity=request.quantity,
            customer_id=request.customer_id,
            status="confirmed" if taken.rowcount else "rejected",
        )
        session.add(order)
    return OrderAccepted(
        order_id=order.order_id, product_id=order.product_id, quantity=order.quantity, status=order.status
    )
