"""What comes back is always booked, also if it makes more of a product than anybody can ask for."""

import msgspec
import pytest

from onhand.common.contracts import (
    LineAllocation,
    LineShortage,
    ListStock,
    Message,
    MovementEntry,
    MovementReceipt,
    OrderReturned,
    RequestRefused,
    StockExplanation,
    StockLevel,
    StockPage,
    StockRejected,
    StockReplenished,
    StockReserved,
    StockReturned,
)
from onhand.common.contracts.message import LARGEST_INTEGER as MOST
from onhand.common.database import Database
from warehouse import (
    Warehouse,
    adjusted,
    came,
    came_back,
    cancelled,
    carried,
    counted,
    events,
    expected,
    held,
    order,
    order_of,
    sent,
    set_to,
)

APPLES = ("apple", "main")
MORE = MOST + 7


@pytest.fixture
async def warehouse(inventory_database: Database) -> Warehouse:
    """With seven apples more than anybody can ask for, and one pear."""
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(counted(7), counted(1, "pear"))
    await warehouse.tell(sold := order(7))
    await warehouse.tell(sent(sold))
    await warehouse.tell(counted(MOST))
    back = came_back(sold)
    assert await warehouse.hear(StockReturned, back) == [_booked(back)]
    return warehouse


def _booked(event: OrderReturned) -> StockReturned:
    return StockReturned(event.order_id, event.return_id)


def is_told(message: Message) -> bool:
    """Whether whoever reads a message gets it as it was written."""
    return msgspec.json.decode(msgspec.json.encode(message), type=type(message)) == message


async def test_what_comes_back_is_booked_once_however_much_there_is_of_it(warehouse: Warehouse) -> None:
    assert await warehouse.levels() == {APPLES: (MORE, 0), ("pear", "main"): (1, 0)}
    sold = order(MOST)
    await warehouse.tell(sold)
    await warehouse.tell(sent(sold))
    back = came_back(sold)
    for _ in range(2):
        assert await warehouse.hear(StockReturned, back, back) == [_booked(back)]
    assert (await warehouse.levels())[APPLES] == (MORE, 0)
    await warehouse.check()


@pytest.mark.parametrize("command", [came(1), adjusted(1), counted(1, at="north"), came(1, at="north")])
async def test_no_more_can_be_asked_for_then(warehouse: Warehouse, command: Message) -> None:
    await warehouse.rows("INSERT INTO locations (location_id) VALUES ('north') RETURNING true")
    reply = await warehouse.reply(command)
    assert isinstance(reply, RequestRefused)
    assert reply.code == "too-much-stock"


async def test_fewer_can_be_asked_for_as_long_as_they_are_too_many(warehouse: Warehouse) -> None:
    await warehouse.rows("INSERT INTO locations (location_id) VALUES ('north') RETURNING true")
    assert isinstance(await warehouse.reply(adjusted(-1)), MovementReceipt)
    assert isinstance(await warehouse.reply(carried(MOST, "main", "north")), MovementReceipt)
    assert isinstance(await warehouse.reply(counted(MOST - 1, at="north")), MovementReceipt)
    assert isinstance(await warehouse.reply(set_to(5)), StockLevel)
    assert (await warehouse.stock()).on_hand == MOST + 4
    await warehouse.check()


async def test_all_of_them_can_be_ordered_and_sent_off(warehouse: Warehouse) -> None:
    first, second = order(MOST), order(7)
    assert await warehouse.hear(StockReserved, first, second) == [
        StockReserved(first.order_id),
        StockReserved(second.order_id),
    ]
    assert (await warehouse.levels())[APPLES] == (MORE, MORE)
    explanation = await warehouse.explain()
    assert sorted(row.quantity for row in explanation.reservations) == [7, MOST]
    assert is_told(explanation)
    await warehouse.tell(sent(first), sent(second))
    assert (await warehouse.levels())[APPLES] == (0, 0)
    await warehouse.check()


async def test_a_count_that_finds_none_of_them_is_told_with_the_difference(warehouse: Warehouse) -> None:
    command = counted(0)
    reply = await warehouse.reply(command)
    assert isinstance(reply, MovementReceipt)
    assert reply.entries == (MovementEntry("main", -MORE, 0),)
    assert is_told(reply)
    assert await warehouse.reply(command) == reply


async def test_who_waits_gets_them_and_who_listens_hears_of_it(warehouse: Warehouse) -> None:
    first, second, waiting = order(MOST), order(7), order(3, policy="backorder")
    await warehouse.tell(first, second, waiting)
    await warehouse.tell(sent(first), sent(second))
    effects = await warehouse.tell(came_back(first), came_back(second))
    assert events(effects, StockReserved) == [
        StockReserved(waiting.order_id, (LineAllocation("apple", 3, 0),), revision=1)
    ]
    (signal,) = events(effects, StockReplenished)
    assert (signal.available_to_promise, is_told(signal)) == (MORE - 3, True)
    assert (await warehouse.levels())[APPLES] == (MORE, 3)
    await warehouse.check()


async def test_they_are_told_wherever_stock_is_told(warehouse: Warehouse) -> None:
    await warehouse.tell(order(3), expected(5))
    level = await warehouse.stock()
    assert (level.on_hand, level.reserved, level.available) == (MORE, 3, MORE - 3)
    assert level.available_to_promise == MORE - 3
    page = await warehouse.reply(ListStock())
    assert isinstance(page, StockPage)
    assert page.stock[0] == level
    explanation = await warehouse.explain()
    assert isinstance(explanation, StockExplanation)
    assert (explanation.on_hand, explanation.available) == (MORE, MORE - 3)
    assert (explanation.movements[0].type, explanation.movements[0].on_hand) == ("return", MORE)
    assert explanation.reservations[0].available == MORE
    assert is_told(level)
    assert is_told(page)
    assert is_told(explanation)


async def test_a_shortage_tells_of_no_more_than_a_line_can_ask_for(warehouse: Warehouse) -> None:
    short = (LineShortage("apple", 1, MOST), LineShortage("pear", 2, 1))
    wanted = order_of(apple=1, pear=2)
    for _ in range(2):
        (told,) = await warehouse.hear(StockRejected, wanted)
        assert told.lines == short
        assert is_told(told)
    reply = await warehouse.reply(held(apple=1, pear=2))
    assert isinstance(reply, RequestRefused)
    assert reply.lines == short
    await warehouse.tell(cancelled(buried := order_of(apple=1, pear=2)))
    (told,) = await warehouse.hear(StockRejected, buried)
    assert told.lines == short
