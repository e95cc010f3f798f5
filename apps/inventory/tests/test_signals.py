"""Signals: once for each crossing, whatever comes again."""

import asyncio

import pytest

from onhand.common.contracts import (
    DefineProduct,
    OrderCancelled,
    StockDepleted,
    StockLow,
    StockReplenished,
)
from onhand.common.database import Database
from onhand.common.messaging.envelope import Effect, Publish
from onhand.common.testing import received
from onhand.inventory.domain.signals import Signal
from warehouse import Warehouse, adjusted, came, counted, order, tell, waits_for_a_lock


@pytest.fixture
async def warehouse(inventory_database: Database) -> Warehouse:
    """With ten apples, of which it is told when there are but three."""
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(DefineProduct(product_id="apple", low_stock_threshold=3), came(10))
    return warehouse


def signals(effects: list[Effect]) -> list[Signal]:
    return [effect.event for effect in effects if isinstance(effect, Publish) and isinstance(effect.event, Signal)]


async def test_the_first_units_replenish_the_stock(inventory_database: Database) -> None:
    warehouse = Warehouse(inventory_database)
    assert signals(await warehouse.tell(came(10))) == [StockReplenished("apple", 10, crossing=1)]
    assert signals(await warehouse.tell(came(10))) == []


async def test_stock_that_comes_down_to_its_threshold_is_low_once(warehouse: Warehouse) -> None:
    assert signals(await warehouse.tell(order(6))) == []
    assert signals(await warehouse.tell(order(1))) == [StockLow("apple", 3, 3, crossing=2)]
    assert signals(await warehouse.tell(order(1))) == []


async def test_stock_that_runs_out_at_once_is_low_and_depleted(warehouse: Warehouse) -> None:
    assert signals(await warehouse.tell(order(10))) == [
        StockLow("apple", 0, 3, crossing=2),
        StockDepleted("apple", crossing=3),
    ]


async def test_stock_runs_out_as_often_as_it_came_back(warehouse: Warehouse) -> None:
    told = [signals(await warehouse.tell(counted(units))) for units in (1, 0, 2, 0, 4, 4)]
    assert told == [
        [StockLow("apple", 1, 3, crossing=2)],
        [StockDepleted("apple", crossing=3)],
        [],
        [StockDepleted("apple", crossing=4)],
        [StockReplenished("apple", 4, crossing=5)],
        [],
    ]


async def test_without_a_threshold_only_running_out_and_coming_back_are_told(inventory_database: Database) -> None:
    warehouse = Warehouse(inventory_database)
    told = [signals(await warehouse.tell(counted(units, "pear"))) for units in (5, 1, 0, 1)]
    assert told == [
        [StockReplenished("pear", 5, crossing=1)],
        [],
        [StockDepleted("pear", crossing=2)],
        [StockReplenished("pear", 1, crossing=3)],
    ]


async def test_a_redelivered_movement_signals_nothing(warehouse: Warehouse) -> None:
    command = received(adjusted(-10))
    assert len(signals(await warehouse.tell(command))) == 2
    assert signals(await warehouse.tell(command, command)) == []


async def test_a_redelivered_order_signals_nothing(warehouse: Warehouse) -> None:
    wanted = received(order(10))
    assert len(signals(await warehouse.tell(wanted, wanted))) == 2
    assert signals(await warehouse.tell(wanted)) == []


async def test_a_batch_tells_what_is_different_after_it(warehouse: Warehouse) -> None:
    assert signals(await warehouse.tell(counted(0), counted(2))) == [StockLow("apple", 2, 3, crossing=2)]
    assert signals(await warehouse.tell(counted(10), counted(2))) == []


async def test_units_that_go_to_those_who_wait_replenish_nothing(warehouse: Warehouse) -> None:
    await warehouse.tell(order(15, policy="backorder"))
    assert signals(await warehouse.tell(came(5))) == []
    assert signals(await warehouse.tell(came(5))) == [StockReplenished("apple", 5, crossing=4)]


async def test_a_cancelled_order_brings_stock_back(warehouse: Warehouse) -> None:
    wanted = order(8)
    await warehouse.tell(wanted)
    cancelled = received(OrderCancelled(order_id=wanted.order_id, lines=wanted.lines))
    assert signals(await warehouse.tell(cancelled)) == [StockReplenished("apple", 10, crossing=3)]
    assert signals(await warehouse.tell(cancelled)) == []


async def test_a_definition_signals_what_it_changes(warehouse: Warehouse) -> None:
    told = [
        signals(await warehouse.tell(definition))
        for definition in (
            DefineProduct(product_id="apple", low_stock_threshold=10),
            DefineProduct(product_id="apple", low_stock_threshold=10, safety_stock=10),
            DefineProduct(product_id="apple", low_stock_threshold=3, safety_stock=10),
            DefineProduct(product_id="apple", low_stock_threshold=3),
        )
    ]
    assert told == [
        [StockLow("apple", 10, 10, crossing=2)],
        [StockDepleted("apple", crossing=3)],
        [],
        [StockReplenished("apple", 10, crossing=4)],
    ]


async def test_a_lower_threshold_makes_enough_of_what_was_low(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineProduct(product_id="apple", low_stock_threshold=10))
    effects = await warehouse.tell(DefineProduct(product_id="apple", low_stock_threshold=9))
    assert signals(effects) == [StockReplenished("apple", 10, crossing=3)]


async def test_each_product_is_told_of_by_the_message_that_changed_it(warehouse: Warehouse) -> None:
    apple, pear = received(counted(2)), received(counted(1, "pear"))
    effects = await warehouse.tell(apple, pear)
    causes = {effect.event: effect.cause for effect in effects if isinstance(effect, Publish)}
    assert causes == {StockLow("apple", 2, 3, crossing=2): apple, StockReplenished("pear", 1, crossing=1): pear}


async def test_who_waits_for_a_lock_counts_on(warehouse: Warehouse) -> None:
    async with warehouse.database.transaction() as first:
        low = signals(await tell(first, order(7)))
        second = asyncio.create_task(warehouse.tell(order(3)))
        await waits_for_a_lock(warehouse)
    assert low == [StockLow("apple", 3, 3, crossing=2)]
    assert signals(await second) == [StockDepleted("apple", crossing=3)]


async def test_who_waits_for_a_lock_knows_the_threshold_that_was_set_meanwhile(warehouse: Warehouse) -> None:
    async with warehouse.database.transaction() as first:
        await tell(first, DefineProduct(product_id="apple", low_stock_threshold=9))
        second = asyncio.create_task(warehouse.tell(order(1)))
        await waits_for_a_lock(warehouse)
    assert signals(await second) == [StockLow("apple", 9, 9, crossing=2)]
