"""Two replicas that handle messages of several types do not wait for each other for ever."""

import asyncio

from onhand.common.contracts import CountStock, OrderCreated
from onhand.common.database import Database
from onhand.common.messaging.subscriptions import Subscription, Subscriptions
from onhand.common.testing import received
from onhand.inventory.subscriptions import SUBSCRIPTIONS
from warehouse import Warehouse, counted, order

ROUNDS = 20


async def test_batches_with_several_types_of_messages_in_opposite_order_do_not_deadlock(
    inventory_database: Database,
) -> None:
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(counted(100), counted(100, "pear"))
    subscriptions = Subscriptions(SUBSCRIPTIONS)
    by_type: dict[type, Subscription] = {subscription.message: subscription for subscription in SUBSCRIPTIONS}

    async def be_replica(*messages: CountStock | OrderCreated) -> None:
        async with inventory_database.transaction() as tx:
            await subscriptions.handle({by_type[type(each)]: [received(each)] for each in messages}, tx)

    for _ in range(ROUNDS):  # a deadlock is an error of whoever is chosen to give up
        await asyncio.gather(
            be_replica(counted(100), order(1, "pear")), be_replica(counted(100, "pear"), order(1, "apple"))
        )
    assert await warehouse.levels() == dict.fromkeys([("apple", "main"), ("pear", "main")], (100, ROUNDS))
