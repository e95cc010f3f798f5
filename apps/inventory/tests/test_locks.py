"""Consumers that handle messages of several types do not wait for each other for ever."""

import asyncio

from onhand.common.contracts import CountStock, OrderCreated, ReceiveStock
from onhand.common.database import Database
from onhand.common.messaging.subscriptions import Subscription, Subscriptions
from onhand.common.testing import received
from onhand.inventory.subscriptions import SUBSCRIPTIONS
from warehouse import Warehouse, came, counted, order_of

ROUNDS = 20


async def test_batches_with_several_types_of_messages_in_opposite_order_do_not_deadlock(
    inventory_database: Database,
) -> None:
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(counted(100), counted(100, "pear"))
    subscriptions = Subscriptions(SUBSCRIPTIONS)
    by_type: dict[type, Subscription] = {subscription.message: subscription for subscription in SUBSCRIPTIONS}

    async def be_consumer(*messages: CountStock | ReceiveStock | OrderCreated) -> None:
        async with inventory_database.transaction() as tx:
            await subscriptions.handle({by_type[type(each)]: [received(each)] for each in messages}, tx)

    for _ in range(ROUNDS):  # a deadlock is an error of whoever is chosen to give up
        await asyncio.gather(
            be_consumer(counted(100), came(1, "pear")),
            be_consumer(counted(100, "pear"), came(1, "apple")),
            be_consumer(order_of(apple=1, pear=1)),
        )
    assert {reserved for _, reserved in (await warehouse.levels()).values()} == {ROUNDS}
