"""The same message, many times at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from uuid_utils.compat import uuid7

from onhand.common.contracts import CreateOrder, Line, OrderReceipt
from onhand.common.errors import Unavailable
from onhand.common.messaging.envelope import read_as
from onhand.common.messaging.request_reply import Limits, Requests
from onhand.common.messaging.streams import open_streams
from onhand.common.testing import eventually
from tests.e2e.replicas import second_replicas
from tests.e2e.traffic import set_stock
from tests.failures.clients import Wish, insist, play_together
from tests.failures.history import Purchase
from tests.failures.scenario import Run, Scenario

SENDERS = 200
GATEWAYS = 8
PRODUCT = "repeated"


def send_one_order_many_times(run: Run) -> None:
    """200 send an order with one id, and 200 with one key, at once and to two of each service: each is stored once."""
    set_stock(run.system, PRODUCT, 1_000_000)
    with second_replicas(run.system, "orders", "gateway") as (_, gateway):
        gateways = [run.system.url("gateway"), gateway.url]
        for number in run.rounds():
            order = CreateOrder(order_id=uuid7(), customer_id=f"repeated-{number}", lines=(Line(PRODUCT, 1),))
            for purchase in asyncio.run(_send(run.system.redis_url, order)):
                run.history.add(purchase)
            run.figures["senders"] += SENDERS
            wish = Wish(f"keyed-{number}", ((PRODUCT, 1),), key=f"keyed-{number}")
            # Nobody looks at the answers here: the checker does, and finds two orders, or an answer that names another.
            play_together(gateways, run.history, [partial(insist, task=wish)] * SENDERS)
            run.figures["clients with a key"] += SENDERS


async def _send(redis_url: str, order: CreateOrder) -> list[Purchase]:
    """Be several gateways, of which each sends the order for many clients."""
    async with AsyncExitStack() as stack:
        gateways = [await stack.enter_async_context(_gateway(redis_url)) for _ in range(GATEWAYS)]
        senders = (_send_one(gateways[number % GATEWAYS], order) for number in range(SENDERS))
        return await asyncio.gather(*senders)


async def _send_one(gateway: Requests, order: CreateOrder) -> Purchase:
    asked_at = time.monotonic()
    receipt = read_as(OrderReceipt, await gateway.ask(order))
    assert (receipt.order_id, receipt.lines) == (order.order_id, order.lines)
    return Purchase(
        client=order.customer_id,
        asked_at=asked_at,
        answered_at=time.monotonic(),
        answer=201,
        customer=order.customer_id,
        lines=((PRODUCT, 1),),
        order_id=str(receipt.order_id),
        status=receipt.status,
    )


@asynccontextmanager
async def _gateway(redis_url: str) -> AsyncIterator[Requests]:
    stopping = asyncio.Event()
    async with open_streams(redis_url) as streams, asyncio.TaskGroup() as tasks:
        requests = Requests("gateway", streams, timeout_seconds=10, limits=Limits(SENDERS, SENDERS))
        tasks.create_task(requests.run(stopping))
        await eventually(lambda: _is_listening(requests))
        try:
            yield requests
        finally:
            stopping.set()


async def _is_listening(requests: Requests) -> bool:
    with suppress(Unavailable):
        await requests.check_listening()
        return True
    return False


REPETITION = Scenario(number=8, name="repetition", break_things=send_one_order_many_times)
