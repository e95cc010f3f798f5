"""Takes an order over HTTP and waits for what Orders says: FastStream's request and reply."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from messages import COMMANDS, CreateOrder, OrderAccepted, new_broker

_REPLY_SECONDS = 10.0

broker = new_broker()


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    """Keep the broker connected."""
    async with broker:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/api/gateway/orders", status_code=201)
async def create_order(order: CreateOrder) -> OrderAccepted:
    """Send the command and answer with the reply."""
    reply = await broker.request(order.model_dump(by_alias=True), stream=COMMANDS, timeout=_REPLY_SECONDS)
    return OrderAccepted.model_validate(await reply.decode())
