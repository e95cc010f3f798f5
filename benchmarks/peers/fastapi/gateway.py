"""Takes an order over HTTP and waits for what Orders says.

Replies come on one channel of this process. FastStream's own `request` opens a connection for each, which costs more.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

from fastapi import FastAPI, HTTPException
from faststream.redis.annotations import RedisMessage

from messages import COMMANDS, CreateOrder, OrderAccepted, OrderRequest, new_broker

_REPLIES = f"replies.{uuid4()}"
_REPLY_SECONDS = 10.0

broker = new_broker()
waiting: dict[str, asyncio.Future[OrderAccepted]] = {}


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    """Keep the broker connected, and listen to replies."""
    async with broker:
        await broker.start()
        yield


app = FastAPI(lifespan=lifespan)


@broker.subscriber(_REPLIES)
async def on_reply(reply: OrderAccepted, message: RedisMessage) -> None:
    """Hand a reply to the request that waits for it."""
    if future := waiting.pop(message.correlation_id, None):
        future.set_result(reply)


@app.post("/api/gateway/orders", status_code=201)
async def create_order(request: OrderRequest) -> OrderAccepted:
    """Send the command and answer with the reply."""
    command = CreateOrder(order_id=uuid4(), **request.model_dump())
    key = str(command.order_id)
    future = waiting[key] = asyncio.get_running_loop().create_future()
    try:
        await broker.publish(command, stream=COMMANDS, reply_to=_REPLIES, correlation_id=key)
        async with asyncio.timeout(_REPLY_SECONDS):
            return await future
    except TimeoutError:
        raise HTTPException(504, "Orders did not answer in time") from None
    finally:
        waiting.pop(key, None)
