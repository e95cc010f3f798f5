"""Every movement of stock: what it does, that it does it once, and when it is refused."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import asyncpg
import pytest
from msgspec.structs import replace

from onhand.common.contracts import (
    DefineLocation,
    LineShortage,
    Message,
    MovementEntry,
    MovementReceipt,
    MovementReplayed,
    RequestRefused,
    StockLevel,
    StockLevelReplayed,
)
from onhand.common.contracts.message import LARGEST_INTEGER
from onhand.common.database import Database
from onhand.common.messaging.envelope import Received, wrap
from onhand.common.testing import received
from warehouse import Warehouse, adjusted, came, carried, counted, order, replies, set_to, tell, waits_for_a_lock

APPLES = ("apple", "main")


@pytest.fixture
async def warehouse(inventory_database: Database) -> Warehouse:
    """With a second location."""
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(DefineLocation(location_id="north", priority=50))
    return warehouse


def refusal(reply: Message) -> str:
    assert isinstance(reply, RequestRefused), reply
    return reply.code


async def test_received_units_are_on_hand_and_make_a_product_known(warehouse: Warehouse) -> None:
    command = came(5)
    reply = await warehouse.reply(command)
    assert reply == MovementReceipt(command.movement_id, "receive", "apple", (MovementEntry("main", 5, 5),))
    assert await warehouse.levels() == {APPLES: (5, 0)}


async def test_units_are_found_and_lost(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5))
    assert replies(await warehouse.tell(adjusted(3), adjusted(-7))) == [
        MovementReceipt(movement_id, "adjust", "apple", (MovementEntry("main", units, left),))
        for movement_id, units, left in await warehouse.rows(
            "SELECT movement_id, quantity, on_hand FROM movements WHERE type = 'adjust' ORDER BY seq"
        )
    ]
    assert await warehouse.levels() == {APPLES: (1, 0)}
    await warehouse.check()


async def test_a_count_says_what_is_there_and_makes_a_product_known(warehouse: Warehouse) -> None:
    first, second = counted(5), counted(5)
    assert replies(await warehouse.tell(first, second)) == [
        MovementReceipt(first.movement_id, "count", "apple", (MovementEntry("main", 5, 5),)),
        MovementReceipt(second.movement_id, "count", "apple", (MovementEntry("main", 0, 5),)),
    ]


async def test_units_are_carried_from_one_location_to_another(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5))
    command = carried(2, "main", "north")
    assert await warehouse.reply(command) == MovementReceipt(
        command.movement_id, "transfer", "apple", (MovementEntry("main", -2, 3), MovementEntry("north", 2, 2))
    )
    assert await warehouse.levels() == {APPLES: (3, 0), ("apple", "north"): (2, 0)}
    await warehouse.check()


async def test_units_carried_to_where_they_are_stay_there(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5))
    await warehouse.tell(carried(2, "main", "main"))
    assert await warehouse.levels() == {APPLES: (5, 0)}
    await warehouse.check()


async def test_setting_stock_is_a_count_and_tells_the_level_over_all_locations(warehouse: Warehouse) -> None:
    await warehouse.tell(came(2, at="north"))
    assert await warehouse.reply(set_to(5)) == StockLevel(product_id="apple", on_hand=7, reserved=0, available=7)
    assert await warehouse.rows("SELECT type, location_id, quantity FROM movements ORDER BY seq") == [
        ("receive", "north", 2),
        ("count", "main", 5),
    ]


async def test_the_ledger_says_who_and_why(warehouse: Warehouse) -> None:
    command = replace(came(5), reason="new harvest", reference="note 7", idempotency_key="k1")
    await warehouse.tell(Received(command, wrap(command, source="/test", actor="ann")))
    assert await warehouse.rows("SELECT reason, reference, idempotency_key, actor FROM movements") == [
        ("new harvest", "note 7", "k1", "ann")
    ]


async def test_commands_of_one_batch_are_carried_out_in_the_order_they_came(warehouse: Warehouse) -> None:
    answers = replies(await warehouse.tell(*(set_to(units) for units in (3, 7, 5))))
    assert [answer.on_hand for answer in answers if isinstance(answer, StockLevel)] == [3, 7, 5]
    assert await warehouse.levels() == {APPLES: (5, 0)}
    assert [row[0] for row in await warehouse.rows("SELECT quantity FROM movements ORDER BY seq")] == [3, 4, -2]


MAKERS: list[Callable[[], Message]] = [
    lambda: came(2),
    lambda: adjusted(-2),
    lambda: counted(2),
    lambda: carried(2, "main", "north"),
    lambda: set_to(2),
]


@pytest.mark.parametrize("make", MAKERS, ids=["receive", "adjust", "count", "transfer", "set"])
async def test_a_redelivered_command_changes_nothing_and_is_answered_alike(
    warehouse: Warehouse, make: Callable[[], Message]
) -> None:
    await warehouse.tell(came(10))
    command = received(make())
    first = replies(await warehouse.tell(command, command))
    levels = await warehouse.levels()
    assert replies(await warehouse.tell(command)) == [first[0]]
    assert first[0] == first[1]
    assert await warehouse.levels() == levels
    await warehouse.check()


@pytest.mark.parametrize("make", MAKERS, ids=["receive", "adjust", "count", "transfer", "set"])
async def test_a_late_copy_does_not_undo_what_came_between(warehouse: Warehouse, make: Callable[[], Message]) -> None:
    await warehouse.tell(came(10))
    command = received(make())
    await warehouse.tell(command, set_to(7), command)
    levels = await warehouse.levels()
    assert levels[APPLES] == (7, 0)
    await warehouse.tell(command)
    assert await warehouse.levels() == levels


async def test_a_retry_with_the_same_idempotency_key_is_told_that_it_is_one(warehouse: Warehouse) -> None:
    command = replace(came(5), idempotency_key="k1")
    receipt, replayed = replies(await warehouse.tell(command, command))  # each in an envelope of its own
    assert type(receipt) is MovementReceipt
    assert isinstance(replayed, MovementReplayed)
    assert isinstance(await warehouse.reply(command), MovementReplayed)
    assert await warehouse.levels() == {APPLES: (5, 0)}


async def test_a_product_that_is_set_again_with_the_same_idempotency_key_is_told_so(warehouse: Warehouse) -> None:
    command = replace(set_to(5), idempotency_key="k1")
    first, replayed = replies(await warehouse.tell(command, command))  # each in an envelope of its own
    await warehouse.tell(set_to(7))
    assert (type(first), type(replayed)) == (StockLevel, StockLevelReplayed)
    assert await warehouse.reply(command) == StockLevelReplayed("apple", 7, 0, 7)
    assert await warehouse.levels() == {APPLES: (7, 0)}


@pytest.mark.parametrize(
    "other",
    [
        replace(came(5), quantity=6),
        replace(came(5), product_id="pear"),
        replace(came(5), location_id="north"),
        replace(came(5), reason="another"),
        replace(came(5), reference="another"),
        replace(came(5), incoming_id=uuid4()),
        adjusted(5),
        counted(5),
        carried(5, "main", "north"),
    ],
    ids=["quantity", "product", "location", "reason", "reference", "incoming", "adjust", "count", "transfer"],
)
async def test_the_same_key_for_something_else_is_refused(warehouse: Warehouse, other: Message) -> None:
    command = came(5)
    await warehouse.tell(command)
    again = replace(other, movement_id=command.movement_id)
    assert refusal(await warehouse.reply(again)) == "idempotency-key-reused"
    assert await warehouse.levels() == {APPLES: (5, 0)}


async def test_two_keys_for_the_same_are_two_movements(warehouse: Warehouse) -> None:
    command = came(5)
    await warehouse.tell(command, replace(command, movement_id=uuid4()))
    assert await warehouse.levels() == {APPLES: (10, 0)}


@pytest.mark.parametrize("command", [adjusted(1), carried(1, "main", "north")], ids=["adjust", "transfer"])
async def test_a_product_that_nobody_knows_has_nothing_to_adjust_or_carry(
    warehouse: Warehouse, command: Message
) -> None:
    assert refusal(await warehouse.reply(command)) == "product-not-found"
    assert await warehouse.rows("SELECT FROM products") == []


@pytest.mark.parametrize(
    ("command", "pointer"),
    [
        (came(1, at="moon"), "/locationId"),
        (counted(1, at="moon"), "/locationId"),
        (adjusted(1, at="moon"), "/locationId"),
        (replace(set_to(1), location_id="moon"), "/locationId"),
        (carried(1, "moon", "main"), "/fromLocationId"),
        (carried(1, "main", "moon"), "/toLocationId"),
    ],
    ids=["receive", "count", "adjust", "set", "from", "to"],
)
async def test_there_is_no_stock_at_a_location_that_nobody_knows(
    warehouse: Warehouse, command: Message, pointer: str
) -> None:
    await warehouse.tell(came(5))
    reply = await warehouse.reply(command)
    assert isinstance(reply, RequestRefused)
    assert (reply.code, reply.pointer) == ("location-not-found", pointer)
    assert await warehouse.levels() == {APPLES: (5, 0)}


async def test_a_new_product_at_an_unknown_location_stays_unknown(warehouse: Warehouse) -> None:
    assert refusal(await warehouse.reply(came(1, at="moon"))) == "location-not-found"
    assert await warehouse.rows("SELECT FROM products") == []


@pytest.mark.parametrize("command", [adjusted(-3), counted(2), set_to(2)], ids=["adjust", "count", "set"])
async def test_on_hand_never_goes_below_what_is_reserved(warehouse: Warehouse, command: Message) -> None:
    await warehouse.tell(came(5), order(3))
    assert refusal(await warehouse.reply(command)) == "on-hand-below-reserved"
    assert await warehouse.levels() == {APPLES: (5, 3)}
    assert len(await warehouse.rows("SELECT FROM movements")) == 1


@pytest.mark.parametrize("command", [adjusted(-2), counted(3), set_to(3)], ids=["adjust", "count", "set"])
async def test_on_hand_may_come_down_to_what_is_reserved(warehouse: Warehouse, command: Message) -> None:
    await warehouse.tell(came(5), order(3))
    assert not isinstance(await warehouse.reply(command), RequestRefused)
    assert await warehouse.levels() == {APPLES: (3, 3)}


async def test_reserved_units_are_not_carried_away(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5), order(3))
    reply = await warehouse.reply(carried(3, "main", "north"))
    assert isinstance(reply, RequestRefused)
    assert (reply.code, reply.lines) == ("insufficient-stock", (LineShortage("apple", 3, 2),))
    assert not isinstance(await warehouse.reply(carried(2, "main", "north")), RequestRefused)
    assert (await warehouse.levels())[APPLES] == (3, 3)


@pytest.mark.parametrize(
    "command",
    [came(1), adjusted(1), replace(counted(6), location_id="north"), replace(set_to(6), location_id="north")],
    ids=["receive", "adjust", "count", "set"],
)
async def test_more_units_than_can_be_counted_are_refused(warehouse: Warehouse, command: Message) -> None:
    await warehouse.tell(came(LARGEST_INTEGER - 5), came(5, at="north"))
    assert refusal(await warehouse.reply(command)) == "too-much-stock"
    assert (await warehouse.stock()).on_hand == LARGEST_INTEGER
    await warehouse.tell(carried(LARGEST_INTEGER - 5, "main", "north"))  # that makes them no more
    assert (await warehouse.levels())["apple", "north"] == (LARGEST_INTEGER, 0)


@pytest.mark.parametrize(
    "command",
    [
        came(1, at="north"),
        adjusted(-1, at="north"),
        replace(counted(1), location_id="north"),
        carried(LARGEST_INTEGER, "main", "north"),
        replace(came(1, at="north"), incoming_id=uuid4()),
    ],
    ids=["receive", "adjust", "count", "transfer", "unexpected"],
)
async def test_what_is_refused_leaves_no_level_behind(warehouse: Warehouse, command: Message) -> None:
    await warehouse.tell(came(LARGEST_INTEGER), order(1))
    before = await warehouse.stock()
    assert isinstance(await warehouse.reply(command), RequestRefused)
    assert await warehouse.stock() == before
    assert await warehouse.levels() == {APPLES: (LARGEST_INTEGER, 1)}


async def test_what_is_refused_makes_no_product_known(warehouse: Warehouse) -> None:
    command = received(replace(came(1), incoming_id=uuid4()))
    for _ in range(2):
        assert refusal(await warehouse.reply(command)) == "incoming-not-found"
        assert await warehouse.rows("SELECT FROM products") == []


async def test_what_is_refused_takes_no_level_from_what_comes_with_it(warehouse: Warehouse) -> None:
    unexpected = replace(came(1, at="north"), incoming_id=uuid4())
    await warehouse.tell(unexpected, came(2, at="north"), replace(unexpected, product_id="pear"), came(1, "pear"))
    assert await warehouse.levels() == {("apple", "north"): (2, 0), ("pear", "main"): (1, 0)}


async def test_a_product_that_was_refused_first_is_made_known_by_who_waited_for_that(warehouse: Warehouse) -> None:
    async with warehouse.database.transaction() as first:
        await tell(first, replace(came(5), incoming_id=uuid4()), came(1, at="north"))
        second = asyncio.create_task(warehouse.tell(came(3)))
        await waits_for_a_lock(warehouse)
    await second
    assert await warehouse.levels() == {APPLES: (3, 0), ("apple", "north"): (1, 0)}
    async with warehouse.database.transaction() as first:
        await tell(first, replace(came(5, "pear"), incoming_id=uuid4()))
        second = asyncio.create_task(warehouse.tell(came(3, "pear")))
        await waits_for_a_lock(warehouse)
    await second
    assert (await warehouse.levels())["pear", "main"] == (3, 0)


async def test_a_refused_command_may_be_tried_again_but_its_copy_is_no_try(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5), order(3))
    command = received(set_to(2))
    for _ in range(2):
        assert refusal(await warehouse.reply(command)) == "on-hand-below-reserved"
    await warehouse.rows("UPDATE stock_levels SET reserved = 0 RETURNING true")
    assert replies(await warehouse.tell(command)) == []
    assert await warehouse.levels() == {APPLES: (5, 0)}
    await warehouse.tell(command.message)
    assert await warehouse.levels() == {APPLES: (2, 0)}


async def test_a_new_product_counted_by_two_replicas_keeps_both_movements(warehouse: Warehouse) -> None:
    async with warehouse.database.transaction() as first:
        await tell(first, came(5), came(7, at="north"))
        second = asyncio.create_task(warehouse.tell(came(3), came(2, at="north")))
        await waits_for_a_lock(warehouse)
    await second
    assert await warehouse.levels() == {APPLES: (8, 0), ("apple", "north"): (9, 0)}
    await warehouse.check()


async def test_many_movements_from_many_replicas_add_up(warehouse: Warehouse) -> None:
    commands = [came(number, name) for number in range(1, 6) for name in ("apple", "pear", "plum")]
    batches = [commands[turn::5] if turn % 2 else commands[turn::5][::-1] for turn in range(5)]
    await asyncio.gather(*(warehouse.tell(*batch) for batch in batches))
    assert await warehouse.levels() == {(name, "main"): (15, 0) for name in ("apple", "pear", "plum")}
    await warehouse.check()


async def test_the_same_movement_from_two_replicas_at_once_is_made_once(warehouse: Warehouse) -> None:
    await warehouse.tell(came(1))
    command = came(5)
    await asyncio.gather(*(warehouse.tell(command) for _ in range(6)))
    assert await warehouse.levels() == {APPLES: (6, 0)}


async def test_a_transfer_and_an_order_at_once_take_each_unit_once(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5))
    async with warehouse.database.transaction() as first:
        await tell(first, carried(3, "main", "north"))
        second = asyncio.create_task(warehouse.tell(order(4)))
        await waits_for_a_lock(warehouse)
    await second
    levels = await warehouse.levels()  # one location cannot serve it, but the two can, by priority
    assert levels == {APPLES: (2, 1), ("apple", "north"): (3, 3)}
    await warehouse.check()


async def test_an_order_and_a_transfer_at_once_take_each_unit_once(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5))
    async with warehouse.database.transaction() as first:
        await tell(first, order(4))
        second = asyncio.create_task(warehouse.reply(carried(3, "main", "north")))
        await waits_for_a_lock(warehouse)
    assert refusal(await second) == "insufficient-stock"
    assert (await warehouse.levels())[APPLES] == (5, 4)


async def test_the_tables_refuse_what_no_handler_should_do(warehouse: Warehouse) -> None:
    await warehouse.tell(came(5))
    for statement in ("UPDATE stock_levels SET reserved = 6", "UPDATE movements SET on_hand = -1"):
        with pytest.raises(asyncpg.CheckViolationError):
            await warehouse.rows(f"{statement} RETURNING true")
