"""What the services say to each other, and the broker they say it by."""

import logging
import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

COMMANDS = "orders.commands"
ORDER_EVENTS = "orders.events"
STOCK_EVENTS = "inventory.events"

HAS_OUTBOX = os.environ.get("OUTBOX") == "1"
"""Whether nothing may be lost."""
_WORKERS = int(os.environ.get("POOL_SIZE", "10"))
_IDLE_MILLISECONDS = 30_000


class OrderRequest(BaseModel):
    """Body of the request."""

    product_id: str = Field(alias="productId", min_length=1)
    quantity: int = Field(ge=1, le=1_000_000)
    customer_id: str = Field(alias="customerId", min_length=1)


class CreateOrder(BaseModel):
    """The command that Orders gets; with an id, so that it may come twice."""

    order_id: UUID
    product_id: str
    quantity: int
    customer_id: str


class OrderAccepted(BaseModel):
    """Answer to the command, and body of the response."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    order_id: UUID
    product_id: str
    quantity: int
    status: str


class OrderCreated(BaseModel):
    """An order is stored."""

    order_id: UUID
    product_id: str
    quantity: int


class StockDecided(BaseModel):
    """Units for an order are reserved, or there are too few."""

    order_id: UUID
    reserved: bool


def new_broker() -> RedisBroker:
    """Return a broker that logs warnings only, as in production."""
    logging.basicConfig(level=logging.WARNING)
    return RedisBroker(
        os.environ["REDIS_URL"],
        logger=logging.getLogger("faststream"),
        log_level=logging.DEBUG,
        max_connections=5000,  # a request that waits for Redis holds one; redis-py gives out 100 and refuses the next
    )


def reads(broker: RedisBroker, stream: str, group: str) -> Callable[[Any], Any]:
    """Read a stream as a consumer of a group, with as many handlers at once as there are connections to the database.

    What failed, or was delivered to a process that died, is claimed again if nothing may be lost. FastStream by itself
    acknowledges what failed, and leaves alone what was delivered.
    """
    new = StreamSub(stream, group=group, consumer=f"{group}-1")
    if not HAS_OUTBOX:
        return broker.subscriber(stream=new, max_workers=_WORKERS)
    old = StreamSub(stream, group=group, consumer=f"{group}-1", min_idle_time=_IDLE_MILLISECONDS)

    def subscribe(handler: Any) -> Any:  # noqa: ANN401  # what FastStream makes of it
        claims = broker.subscriber(stream=old, ack_policy=AckPolicy.NACK_ON_ERROR)(handler)
        return broker.subscriber(stream=new, max_workers=_WORKERS, ack_policy=AckPolicy.NACK_ON_ERROR)(claims)

    return subscribe
