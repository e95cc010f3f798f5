import asyncio
from uuid import uuid4

import asyncpg
import pytest

from onhand.common.contracts import (
    CheckStock,
    Message,
    OrderCreated,
    RequestRefused,
    SetStock,
    StockLevel,
    StockRejected,
    StockReserved,
)
from onhand.common.database import Database
from onhand.common.messaging.envelope import Answer, Received
from onhand.common.testing import received
from onhand.inventory.handlers import reserve_stock, set_stock
from onhand.inventory.queries import check_stock


def order(product_id: str = "apple", quantity: int = 1) -> Received[OrderCreated]:
    return received(OrderCreated(order_id=uuid4(), customer_id="ann", product_id=product_id, quantity=quantity))


async def stock_up(database: Database, **on_hand: int) -> None:
    async with database.transaction() as tx:
        await set_stock([received(SetStock(product_id=name, on_hand=units)) for name, units in on_hand.items()], tx)


async def reserve(database: Database, *orders: Received[OrderCreated]) -> list[Message]:
    async with database.transaction() as tx:
        return [effect.event for effect in await reserve_stock(orders, tx)]


async def level(database: Database, product_id: str = "apple", quantity: int | None = None) -> Message:
    query = (
        CheckStock(product_id=product_id) if quantity is None else CheckStock(product_id=product_id, quantity=quantity)
    )
    async with database.transaction() as tx:
        return (await check_stock([received(query)], tx))[0].reply


def apples(on_hand: int, reserved: int) -> StockLevel:
    return StockLevel(product_id="apple", on_hand=on_hand, reserved=reserved, available=on_hand - reserved)


async def test_a_reservation_holds_units_and_leaves_on_hand_as_it_is(inventory_database: Database) -> None:
    await stock_up(inventory_database, apple=5)
    wanted = order(quantity=3)
    assert await reserve(inventory_database, wanted) == [StockReserved(order_id=wanted.message.order_id)]
    assert await level(inventory_database) == apples(on_hand=5, reserved=3)


async def test_a_redelivered_reservation_changes_nothing_and_gets_the_same_answer(inventory_database: Database) -> None:
    await stock_up(inventory_database, apple=5)
    wanted, refused = order(quantity=3), order(quantity=3)
    first = await reserve(inventory_database, wanted, refused)
    await stock_up(inventory_database, apple=100)
    assert await reserve(inventory_database, wanted, refused) == first
    assert isinstance(first[1], StockRejected)
    assert await level(inventory_database) == apples(on_hand=100, reserved=3)


async def test_an_order_twice_in_one_batch_reserves_once(inventory_database: Database) -> None:
    await stock_up(inventory_database, apple=5)
    wanted = order(quantity=3)
    assert await reserve(inventory_database, wanted, wanted) == [StockReserved(order_id=wanted.message.order_id)]
    assert await level(inventory_database) == apples(on_hand=5, reserved=3)


async def test_an_unknown_product_stays_rejected_even_when_it_becomes_known(inventory_database: Database) -> None:
    wanted = order()
    first = await reserve(inventory_database, wanted)
    await stock_up(inventory_database, apple=5)
    assert await reserve(inventory_database, wanted) == first


async def test_one_unit_and_many_buyers_at_once_sells_one(inventory_database: Database) -> None:
    await stock_up(inventory_database, apple=1)
    answers = await asyncio.gather(*(reserve(inventory_database, order()) for _ in range(20)))
    assert sum(isinstance(answer, StockReserved) for batch in answers for answer in batch) == 1
    assert await level(inventory_database) == apples(on_hand=1, reserved=1)


async def test_batches_that_want_the_same_products_in_opposite_order_do_not_deadlock(
    inventory_database: Database,
) -> None:
    names = [f"p{number:02}" for number in range(20)]
    await stock_up(inventory_database, **dict.fromkeys(names, 1000))
    batches = [[order(name) for name in (names if turn % 2 else reversed(names))] for turn in range(8)]
    answers = await asyncio.gather(*(reserve(inventory_database, *batch) for batch in batches))
    assert all(isinstance(answer, StockReserved) for batch in answers for answer in batch)
    assert await level(inventory_database, "p07") == StockLevel(
        product_id="p07", on_hand=1000, reserved=8, available=992
    )


async def test_two_replicas_deciding_one_order_at_once_reserve_once(inventory_database: Database) -> None:
    await stock_up(inventory_database, apple=5)
    wanted = order(quantity=3)
    answers = await asyncio.gather(*(reserve(inventory_database, wanted) for _ in range(6)))
    assert answers == [[StockReserved(order_id=wanted.message.order_id)]] * 6
    assert await level(inventory_database) == apples(on_hand=5, reserved=3)


async def test_two_replicas_rejecting_one_order_at_once_collide_so_that_one_tries_again(
    inventory_database: Database,
) -> None:
    wanted = order("unicorn")
    outcomes = await asyncio.gather(*(reserve(inventory_database, wanted) for _ in range(6)), return_exceptions=True)
    stored = [outcome for outcome in outcomes if not isinstance(outcome, asyncpg.UniqueViolationError)]
    assert stored
    again = await reserve(inventory_database, wanted)
    assert all(outcome == again for outcome in stored)


async def test_stock_that_is_set_again_by_a_late_copy_of_an_old_command_stays_as_it_is(
    inventory_database: Database,
) -> None:
    old, new = received(SetStock(product_id="apple", on_hand=5)), received(SetStock(product_id="apple", on_hand=9))
    async with inventory_database.transaction() as tx:
        await set_stock([old], tx)
        await set_stock([new, old], tx)
    async with inventory_database.transaction() as tx:
        answers = await set_stock([old], tx)
    assert answers == [Answer(to=old, reply=apples(on_hand=9, reserved=0))]


async def test_commands_of_one_batch_for_one_product_are_carried_out_in_order(inventory_database: Database) -> None:
    batch = [received(SetStock(product_id="apple", on_hand=units)) for units in (3, 7, 5)]
    async with inventory_database.transaction() as tx:
        answers = await set_stock(batch, tx)
    assert [answer.reply for answer in answers] == [apples(3, 0), apples(7, 0), apples(5, 0)]
    assert await level(inventory_database) == apples(on_hand=5, reserved=0)


async def test_a_command_twice_in_one_batch_does_not_undo_what_came_between(inventory_database: Database) -> None:
    old, new = (received(SetStock(product_id="apple", on_hand=units)) for units in (5, 9))
    async with inventory_database.transaction() as tx:
        answers = await set_stock([old, new, old], tx)
    assert [answer.reply for answer in answers] == [apples(5, 0), apples(9, 0), apples(9, 0)]
    assert await level(inventory_database) == apples(on_hand=9, reserved=0)


async def test_setting_a_new_product_from_two_replicas_keeps_what_was_reserved_in_between(
    inventory_database: Database,
) -> None:
    async def set_and_buy() -> None:
        await stock_up(inventory_database, apple=50)
        await reserve(inventory_database, order(quantity=2))

    await asyncio.gather(*(set_and_buy() for _ in range(6)))
    assert await level(inventory_database) == apples(on_hand=50, reserved=12)


async def test_setting_on_hand_below_what_is_reserved_is_refused_and_changes_nothing(
    inventory_database: Database,
) -> None:
    await stock_up(inventory_database, apple=5)
    await reserve(inventory_database, order(quantity=3))
    async with inventory_database.transaction() as tx:
        (answer,) = await set_stock([received(SetStock(product_id="apple", on_hand=2))], tx)
    assert isinstance(answer.reply, RequestRefused)
    assert await level(inventory_database) == apples(on_hand=5, reserved=3)


async def test_a_refused_command_that_comes_again_is_refused_again(inventory_database: Database) -> None:
    await stock_up(inventory_database, apple=5)
    await reserve(inventory_database, order(quantity=3))
    command = received(SetStock(product_id="apple", on_hand=2))
    for _ in range(2):
        async with inventory_database.transaction() as tx:
            (answer,) = await set_stock([command], tx)
        assert isinstance(answer.reply, RequestRefused)


async def test_the_table_itself_refuses_to_reserve_more_than_is_on_hand(inventory_database: Database) -> None:
    await stock_up(inventory_database, apple=5)
    with pytest.raises(asyncpg.CheckViolationError):
        async with inventory_database.transaction() as tx:
            await tx.execute("UPDATE stock SET reserved = 6")


@pytest.mark.parametrize(("quantity", "in_stock"), [(2, True), (3, False)])
async def test_check_stock_tells_whether_a_quantity_is_available(
    inventory_database: Database, quantity: int, in_stock: bool
) -> None:
    await stock_up(inventory_database, apple=5)
    await reserve(inventory_database, order(quantity=3))
    answer = await level(inventory_database, quantity=quantity)
    assert isinstance(answer, StockLevel)
    assert answer.in_stock is in_stock


async def test_check_stock_of_an_unknown_product_is_refused(inventory_database: Database) -> None:
    answer = await level(inventory_database, "unicorn")
    assert isinstance(answer, RequestRefused)
    assert answer.code == "product-not-found"
