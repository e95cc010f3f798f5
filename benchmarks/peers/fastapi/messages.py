"""What the services say to each other, and the broker they say it by."""

import logging
import os
from uuid import UUID

from faststream.redis import RedisBroker, StreamSub
from pydantic import BaseModel, Field

COMMANDS = "orders.commands"
ORDER_EVENTS = "orders.events"
STOCK_EVENTS = "inventory.events"


class CreateOrder(BaseModel):
    """Body of the request, and the command that Orders gets."""

    product_id: str = Field(alias="productId", min_length=1)
    quantity: int = Field(ge=1, le=1_000_000)
    customer_id: str = Field(alias="customerId", min_length=1)


class OrderAccepted(BaseModel):
    """Answer to the command, and body of the response."""

    order_id: UUID = Field(serialization_alias="orderId", validation_alias="orderId")
    product_id: str = Field(serialization_alias="productId", validation_alias="productId")
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
        max_connections=2000,  # a request that waits for its reply holds one
    )


def stream(name: str, group: str) -> StreamSub:
    """Read a stream as a consumer of a group: what was delivered to it stays pending until it is acknowledged."""
    return StreamSub(name, group=group, consumer=f"{group}-1")
