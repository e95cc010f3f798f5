"""Units held for a while: for whom, for how long, and that they end once."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from onhand.common.contracts import (
    CountStock,
    DefineLocation,
    DefineProduct,
    Event,
    ExtendHold,
    GetHold,
    HoldDetails,
    HoldEnded,
    HoldReplayed,
    HoldStock,
    LineAllocation,
    LineShortage,
    OrderCreated,
    ReleaseHold,
    Reply,
    RequestRefused,
    StockRejected,
    StockReserved,
)
from onhand.common.database import Database
from onhand.common.messaging.envelope import Publish
from onhand.common.testing import received
from onhand.inventory.handlers.holds import expire_holds
from warehouse import (
    Told,
    Warehouse,
    came,
    cancelled,
    counted,
    events,
    held,
    order,
    order_of,
    replies,
    sent,
    tell,
    waits_for_a_lock,
)

APPLES, PEARS = ("apple", "main"), ("pear", "main")


@pytest.fixture
async def warehouse(inventory_database: Database) -> Warehouse:
    """With five apples and three pears."""
    warehouse = Warehouse(inventory_database)
    await warehouse.tell(counted(5), counted(3, "pear"))
    return warehouse


def extended(hold: HoldStock, ttl_seconds: int = 7200, extension_id: UUID | UnsetType = UNSET) -> ExtendHold:
    return ExtendHold(hold.reservation_id, ttl_seconds, extension_id)


def released(hold: HoldStock) -> ReleaseHold:
    return ReleaseHold(hold.reservation_id)


async def details(warehouse: Warehouse, hold: HoldStock) -> HoldDetails:
    told = await warehouse.reply(GetHold(hold.reservation_id))
    assert isinstance(told, HoldDetails)
    return told


async def state(warehouse: Warehouse, hold: HoldStock) -> str:
    return (await details(warehouse, hold)).state


async def let_time_run_out(warehouse: Warehouse, *holds: HoldStock) -> None:
    await warehouse.rows(
        "UPDATE holds SET expires_at = statement_timestamp() WHERE reservation_id = ANY($1) RETURNING reservation_id",
        [hold.reservation_id for hold in holds],
    )


async def sweep(warehouse: Warehouse) -> list[Event]:
    """What the timer tells."""
    async with warehouse.database.transaction() as tx:
        return [publish.event for publish in await expire_holds(tx)]


def refusal(reply: Reply) -> tuple[str, object]:
    assert isinstance(reply, RequestRefused), reply
    return reply.code, reply.state


def ended(events_told: list[Event]) -> list[tuple[UUID, str]]:
    return [(each.reservation_id, each.state) for each in events_told if isinstance(each, HoldEnded)]


async def test_held_units_are_reserved_for_as_long_as_was_asked_for(warehouse: Warehouse) -> None:
    hold = replace(held(90, apple=3, pear=1), reference="cart 7")
    told = await warehouse.reply(hold)
    assert isinstance(told, HoldDetails)
    assert (told.state, told.lines, told.reference) == ("active", hold.lines, "cart 7")
    assert told.expires_at - told.created_at == timedelta(seconds=90)
    assert await warehouse.levels() == {APPLES: (5, 3), PEARS: (3, 1)}
    assert await details(warehouse, hold) == told
    await warehouse.check()


async def test_a_hold_gets_units_of_all_lines_or_of_none_and_is_told_what_there_was(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineProduct(product_id="pear", safety_stock=2))
    told = await warehouse.reply(held(apple=2, pear=2))
    assert isinstance(told, RequestRefused)
    assert told.code == "insufficient-stock"
    assert told.lines == (LineShortage("apple", 2, 5), LineShortage("pear", 2, 1))
    unknown = await warehouse.reply(held(apple=2, unicorn=2))
    assert isinstance(unknown, RequestRefused)
    assert (unknown.code, unknown.pointer) == ("product-not-found", "/lines/1/productId")
    assert await warehouse.levels() == {APPLES: (5, 0), PEARS: (3, 0)}


async def test_a_hold_is_spread_over_locations_if_none_has_all_of_it(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north", priority=50), counted(2, at="north"))
    hold = held(apple=6)
    await warehouse.tell(hold)
    assert (await warehouse.levels())["apple", "north"] == (2, 2)
    await warehouse.tell(released(hold))
    assert await warehouse.levels() == {APPLES: (5, 0), ("apple", "north"): (2, 0), PEARS: (3, 0)}
    await warehouse.check()


async def test_holds_of_one_batch_are_served_in_the_order_they_came(warehouse: Warehouse) -> None:
    told = replies(await warehouse.tell(held(apple=3), held(apple=3), held(apple=2)))
    assert [isinstance(each, HoldDetails) for each in told] == [True, False, True]
    await warehouse.check()


async def test_a_hold_asked_for_twice_is_held_once(warehouse: Warehouse) -> None:
    hold = received(held(apple=3))
    first, copy, retry = replies(await warehouse.tell(hold, hold, hold.message))
    assert isinstance(first, HoldDetails)
    assert [type(each) for each in (first, copy, retry)] == [HoldDetails, HoldReplayed, HoldReplayed]
    assert isinstance(await warehouse.reply(hold.message), HoldReplayed)
    await asyncio.gather(*(warehouse.reply(hold) for _ in range(5)))
    assert (await warehouse.levels())[APPLES] == (5, 3)
    await warehouse.check()


async def test_two_replicas_that_hold_the_same_at_once_hold_it_once(warehouse: Warehouse) -> None:
    hold = held(apple=3, pear=3)
    told = await asyncio.gather(*(warehouse.reply(hold) for _ in range(6)))
    assert sorted(type(each).__name__ for each in told) == ["HoldDetails"] + ["HoldReplayed"] * 5
    assert await warehouse.levels() == {APPLES: (5, 3), PEARS: (3, 3)}


@pytest.mark.parametrize("change", [{"ttl_seconds": 5}, {"reference": "other"}, {"lines": held(apple=1).lines}])
async def test_something_else_under_the_same_id_is_refused(warehouse: Warehouse, change: dict[str, object]) -> None:
    hold = held(apple=3)
    other = replace(hold, **change)
    assert [type(each) for each in replies(await warehouse.tell(hold, other))] == [HoldDetails, RequestRefused]
    assert refusal(await warehouse.reply(other))[0] == "idempotency-key-reused"
    assert (await warehouse.levels())[APPLES] == (5, 3)


async def test_a_refused_hold_may_be_tried_again_and_a_copy_of_its_message_holds_nothing(warehouse: Warehouse) -> None:
    refused = received(held(apple=9))
    assert refusal(await warehouse.reply(refused))[0] == "insufficient-stock"
    await warehouse.tell(counted(9))
    assert replies(await warehouse.tell(refused)) == []
    assert (await warehouse.levels())[APPLES] == (9, 0)
    assert isinstance(await warehouse.reply(refused.message), HoldDetails)
    assert (await warehouse.levels())[APPLES] == (9, 9)


async def test_a_hold_is_extended_from_now_on_and_never_shortened(warehouse: Warehouse) -> None:
    hold = held(3600, apple=3)
    await warehouse.tell(hold)
    before = (await details(warehouse, hold)).expires_at
    (shorter,) = replies(await warehouse.tell(extended(hold, 1)))
    assert isinstance(shorter, HoldDetails)
    assert shorter.expires_at == before
    longer, copy = replies(await warehouse.tell(extended(hold, 4000), extended(hold, 5000)))
    assert isinstance(longer, HoldDetails)
    assert before + timedelta(seconds=1390) < longer.expires_at < before + timedelta(seconds=1600)
    assert longer == copy


async def test_a_copy_of_an_extension_that_comes_late_only_tells_how_the_hold_stands(warehouse: Warehouse) -> None:
    hold = held(60, apple=3)
    await warehouse.tell(hold)
    extension = received(extended(hold, 4000))
    (first,) = replies(await warehouse.tell(extension))
    await warehouse.rows("UPDATE holds SET expires_at = expires_at - interval '1 hour' RETURNING reservation_id")
    (late,) = replies(await warehouse.tell(extension))
    assert isinstance(first, HoldDetails)
    assert isinstance(late, HoldDetails)
    assert late.expires_at == first.expires_at - timedelta(hours=1)


async def test_an_extension_that_is_sent_again_under_its_key_extends_nothing(warehouse: Warehouse) -> None:
    hold = held(60, apple=3)
    await warehouse.tell(hold)
    command = extended(hold, 4000, uuid4())
    first, copy = replies(await warehouse.tell(command, command))
    assert isinstance(first, HoldDetails)
    assert copy == first
    await warehouse.rows("UPDATE holds SET expires_at = expires_at - interval '1 hour' RETURNING reservation_id")
    (late,) = replies(await warehouse.tell(command))
    assert isinstance(late, HoldReplayed)
    assert late.expires_at == first.expires_at - timedelta(hours=1)
    await warehouse.tell(released(hold))
    (ended,) = replies(await warehouse.tell(command))
    assert isinstance(ended, HoldReplayed)
    assert ended.state == "released"


async def test_another_extension_under_the_same_key_is_refused(warehouse: Warehouse) -> None:
    hold = held(60, apple=3)
    await warehouse.tell(hold)
    command = extended(hold, 100, uuid4())
    other = replace(command, ttl_seconds=4000)
    first, second = replies(await warehouse.tell(command, other))
    assert isinstance(first, HoldDetails)
    assert refusal(second) == ("idempotency-key-reused", UNSET)
    assert refusal(await warehouse.reply(other)) == ("idempotency-key-reused", UNSET)
    assert (await details(warehouse, hold)).expires_at == first.expires_at


async def test_an_extension_that_was_refused_is_not_remembered(warehouse: Warehouse) -> None:
    hold = held(60, apple=3)
    command = extended(hold, 100, uuid4())
    assert refusal(await warehouse.reply(command))[0] == "reservation-not-found"
    await warehouse.tell(hold)
    assert isinstance(await warehouse.reply(command), HoldDetails)
    assert not isinstance(await warehouse.reply(replace(command, extension_id=uuid4())), HoldReplayed)


async def test_a_released_hold_gives_its_units_back_once(warehouse: Warehouse) -> None:
    hold, other = held(apple=3, pear=2), held(apple=2)
    await warehouse.tell(hold, other)
    effects = await warehouse.tell(released(hold), released(hold))
    assert events(effects, HoldEnded) == [HoldEnded(hold.reservation_id, "released")]
    first, second = replies(effects)
    assert first == second == await details(warehouse, hold)
    assert isinstance(first, HoldDetails)
    assert first.ended_at
    assert events(await warehouse.tell(released(hold)), HoldEnded) == []
    assert await warehouse.levels() == {APPLES: (5, 2), PEARS: (3, 0)}
    await warehouse.check()


async def test_what_is_not_there_cannot_be_asked_for_extended_or_released(warehouse: Warehouse) -> None:
    for message in (ExtendHold(uuid4(), 60), ReleaseHold(uuid4()), GetHold(uuid4())):
        assert refusal(await warehouse.reply(message))[0] == "reservation-not-found"


async def test_a_hold_expires_once_when_its_time_is_over(warehouse: Warehouse) -> None:
    hold, other = held(apple=3, pear=1), held(apple=1)
    await warehouse.tell(hold, other)
    assert await sweep(warehouse) == []
    await let_time_run_out(warehouse, hold)
    swept = await asyncio.gather(*(sweep(warehouse) for _ in range(4)))
    assert ended([each for of_one in swept for each in of_one]) == [(hold.reservation_id, "expired")]
    assert await warehouse.levels() == {APPLES: (5, 1), PEARS: (3, 0)}
    assert [await state(warehouse, each) for each in (hold, other)] == ["expired", "active"]
    await warehouse.check()


async def test_a_hold_whose_time_is_over_is_over_also_before_it_is_swept(warehouse: Warehouse) -> None:
    hold = held(apple=3)
    await warehouse.tell(hold)
    await let_time_run_out(warehouse, hold)
    assert await state(warehouse, hold) == "expired"
    assert refusal(await warehouse.reply(extended(hold))) == ("reservation-state", "expired")
    assert refusal(await warehouse.reply(released(hold))) == ("reservation-state", "expired")
    assert len(await warehouse.hear(StockRejected, order_of(hold=hold, apple=3))) == 1
    assert ended(await sweep(warehouse)) == [(hold.reservation_id, "expired")]
    await warehouse.check()


async def test_held_units_that_expire_go_to_those_that_wait_for_them(warehouse: Warehouse) -> None:
    hold, waiting = held(apple=4), order(3, policy="backorder")
    await warehouse.tell(hold)
    await warehouse.tell(waiting)
    await let_time_run_out(warehouse, hold)
    assert [each.order_id for each in await sweep(warehouse) if isinstance(each, StockReserved)] == [waiting.order_id]
    assert (await warehouse.levels())[APPLES] == (5, 3)
    await warehouse.check()


async def test_an_order_takes_the_units_that_are_held_for_it_although_nothing_else_is_there(
    warehouse: Warehouse,
) -> None:
    hold = held(apple=5)
    await warehouse.tell(hold)
    assert len(await warehouse.hear(StockRejected, order(1))) == 1
    wanted = order_of(hold=hold, apple=5)
    effects = await warehouse.tell(wanted)
    assert events(effects, StockReserved) == [StockReserved(wanted.order_id)]
    assert events(effects, HoldEnded) == [HoldEnded(hold.reservation_id, "used", wanted.order_id)]
    told = await details(warehouse, hold)
    assert (told.state, told.order_id) == ("used", wanted.order_id)
    assert (await warehouse.levels())[APPLES] == (5, 5)
    await warehouse.tell(sent(wanted))
    assert (await warehouse.levels())[APPLES] == (0, 0)
    await warehouse.check()


async def test_what_an_order_needs_beyond_its_hold_competes_and_what_it_does_not_need_is_given_back(
    warehouse: Warehouse,
) -> None:
    hold = held(apple=3, pear=2)
    await warehouse.tell(hold)
    wanted = order_of(hold=hold, apple=5)
    assert await warehouse.hear(StockReserved, wanted) == [StockReserved(wanted.order_id)]
    assert await warehouse.levels() == {APPLES: (5, 5), PEARS: (3, 0)}
    assert await warehouse.rows("SELECT location_id, granted FROM reservations WHERE released_at IS NULL") == [
        ("main", 5)
    ]
    await warehouse.check()


async def test_an_order_takes_held_units_from_where_they_are(warehouse: Warehouse) -> None:
    await warehouse.tell(DefineLocation(location_id="north", priority=200), counted(6, at="north"))
    hold = held(apple=6)
    await warehouse.tell(hold, counted(1, at="north"))
    await warehouse.tell(counted(6, at="north"))
    wanted = order_of(hold=hold, apple=8)
    await warehouse.tell(wanted)
    assert await warehouse.levels() == {APPLES: (5, 2), ("apple", "north"): (6, 6), PEARS: (3, 0)}
    await warehouse.check()


async def test_the_surplus_of_a_hold_goes_to_those_that_wait_and_not_to_who_comes_with_it(warehouse: Warehouse) -> None:
    hold, waiting = held(apple=5), order(3, policy="backorder")
    await warehouse.tell(hold)
    await warehouse.tell(waiting)
    user, plain = order_of(hold=hold, apple=1), order(1)
    also_held = held(pear=1)
    await warehouse.tell(also_held)
    greedy = order_of(hold=also_held, apple=1, pear=1)
    effects = await warehouse.tell(user, plain, greedy)
    assert {each.order_id for each in events(effects, StockRejected)} == {plain.order_id, greedy.order_id}
    assert StockReserved(waiting.order_id, (LineAllocation("apple", 3, 0),), revision=1) in events(
        effects, StockReserved
    )
    assert (await warehouse.levels())[APPLES] == (5, 4)
    assert await state(warehouse, also_held) == "active"
    await warehouse.check()


async def test_the_surplus_of_a_hold_goes_to_an_order_of_the_same_batch_that_waits_for_it(warehouse: Warehouse) -> None:
    hold = held(apple=3)
    await warehouse.tell(hold)
    waiting, user = order(4, policy="backorder"), order_of(hold=hold, apple=1)
    told = await warehouse.hear(StockReserved, waiting, user)
    assert [(each.order_id, each.revision) for each in told] == [
        (waiting.order_id, 0),
        (user.order_id, 0),
        (waiting.order_id, 1),
    ]
    assert told[-1].lines == (LineAllocation("apple", 4, 0),)
    assert (await warehouse.levels())[APPLES] == (5, 5)
    await warehouse.check()


async def test_an_order_that_gets_nothing_leaves_its_hold_as_it_is(warehouse: Warehouse) -> None:
    hold = held(apple=3)
    await warehouse.tell(hold)
    (told,) = await warehouse.hear(StockRejected, order_of(hold=hold, apple=6))
    assert (told.reason, told.lines) == ("insufficient-stock", (LineShortage("apple", 6, 5),))
    assert await state(warehouse, hold) == "active"
    assert len(await warehouse.hear(StockReserved, order_of(hold=hold, apple=3))) == 1


async def test_a_hold_is_used_by_the_first_order_and_the_next_competes_like_any_other(warehouse: Warehouse) -> None:
    hold = held(apple=3)
    await warehouse.tell(hold)
    first, second = order_of(hold=hold, apple=3), order_of(hold=hold, apple=2)
    late = order_of(hold=hold, apple=1)
    told = await warehouse.hear(StockReserved, first, second)
    assert [each.order_id for each in told] == [first.order_id, second.order_id]
    assert len(await warehouse.hear(StockRejected, late)) == 1
    assert (await details(warehouse, hold)).order_id == first.order_id
    assert (await warehouse.levels())[APPLES] == (5, 5)
    for message in (extended(hold), released(hold)):
        assert refusal(await warehouse.reply(message)) == ("reservation-state", "used")
    await warehouse.check()


async def test_an_order_that_names_a_hold_that_never_was_is_rejected_for_that_reason(warehouse: Warehouse) -> None:
    (known,) = await warehouse.hear(StockRejected, order_of("backorder", hold=held(apple=1), apple=1))
    (unknown,) = await warehouse.hear(StockRejected, order_of(hold=held(apple=1), apple=1, unicorn=1))
    assert [known.reason, unknown.reason] == ["unknown-reservation", "unknown-product"]


async def test_an_order_with_a_hold_that_comes_again_changes_nothing_and_gets_the_same_answer(
    warehouse: Warehouse,
) -> None:
    hold = held(apple=2)
    await warehouse.tell(hold)
    wanted = received(order_of("ship-available", hold=hold, apple=9, pear=1))
    first = await warehouse.hear(StockReserved, wanted, wanted)
    assert [each.lines for each in first] == [(LineAllocation("apple", 5, 0), LineAllocation("pear", 1, 0))]
    await warehouse.tell(came(9))
    effects = await warehouse.tell(wanted, order(1))
    assert first[0] in events(effects, StockReserved)
    assert events(effects, HoldEnded) == []
    assert await warehouse.levels() == {APPLES: (14, 6), PEARS: (3, 1)}
    await warehouse.check()


async def test_a_cancelled_order_gives_back_what_it_took_from_its_hold_and_the_hold_stays_used(
    warehouse: Warehouse,
) -> None:
    hold = held(apple=3)
    await warehouse.tell(hold)
    wanted = order_of(hold=hold, apple=4)
    await warehouse.tell(wanted)
    await warehouse.tell(cancelled(wanted))
    assert (await warehouse.levels())[APPLES] == (5, 0)
    assert await state(warehouse, hold) == "used"
    await warehouse.check()


async def test_an_order_cancelled_before_it_came_leaves_its_hold_as_it_is(warehouse: Warehouse) -> None:
    hold = held(apple=3)
    wanted = order_of(hold=hold, apple=3)
    await warehouse.tell(hold)
    await warehouse.tell(cancelled(wanted))
    assert len(await warehouse.hear(StockRejected, wanted)) == 1
    assert await state(warehouse, hold) == "active"
    assert (await warehouse.levels())[APPLES] == (5, 3)


async def test_an_order_that_comes_while_its_hold_is_swept_competes_like_any_other(warehouse: Warehouse) -> None:
    hold = held(apple=5)
    await warehouse.tell(hold)
    await let_time_run_out(warehouse, hold)
    wanted = order_of(hold=hold, apple=5)
    async with warehouse.database.transaction() as tx:
        swept: list[Event] = [each.event for each in await expire_holds(tx)]
        order_comes = asyncio.create_task(warehouse.tell(wanted))
        await waits_for_a_lock(warehouse)
    effects = await order_comes
    assert ended([*swept, *events(effects, HoldEnded)]) == [(hold.reservation_id, "expired")]
    assert events(effects, StockReserved) == [StockReserved(wanted.order_id)]
    assert (await warehouse.levels())[APPLES] == (5, 5)
    await warehouse.check()


async def test_a_hold_found_due_that_is_used_before_its_levels_are_locked_is_not_swept(warehouse: Warehouse) -> None:
    hold = held(apple=5)
    await warehouse.tell(hold)
    await let_time_run_out(warehouse, hold)
    async with warehouse.database.transaction() as tx:
        # As if the order had found it active at the last moment: the sweeper finds it due meanwhile, and waits.
        await tx.execute("UPDATE holds SET expires_at = statement_timestamp() + interval '1 hour'")
        used = events(await tell(tx, order_of(hold=hold, apple=5)), HoldEnded)
        await tx.execute("UPDATE holds SET expires_at = statement_timestamp()")
        sweeping = asyncio.create_task(sweep(warehouse))
        await waits_for_a_lock(warehouse)
    assert ended([*used, *await sweeping]) == [(hold.reservation_id, "used")]
    assert (await warehouse.levels())[APPLES] == (5, 5)
    await warehouse.check()


async def test_a_hold_that_is_extended_while_the_sweeper_waits_for_it_stays(warehouse: Warehouse) -> None:
    hold = held(apple=3)
    await warehouse.tell(hold)
    await let_time_run_out(warehouse, hold)
    async with warehouse.database.transaction() as tx:
        # As if the extension had come at the last moment.
        await tx.execute("UPDATE holds SET expires_at = statement_timestamp() + interval '1 second'")
        (reply,) = replies(await tell(tx, extended(hold)))
        sweeping = asyncio.create_task(sweep(warehouse))
        await waits_for_a_lock(warehouse)
    assert isinstance(reply, HoldDetails)
    assert await sweeping == []
    assert (await warehouse.levels())[APPLES] == (5, 3)
    assert await state(warehouse, hold) == "active"
    await warehouse.check()


async def test_everybody_who_wants_to_end_one_hold_at_once_ends_it_once(warehouse: Warehouse) -> None:
    for _ in range(5):
        hold = held(apple=3, pear=1)
        await warehouse.tell(CountStock(movement_id=uuid4(), product_id="apple", on_hand=5))
        await warehouse.tell(hold)
        wanted = order_of(hold=hold, pear=1, apple=2)
        told: list[Told] = [wanted, released(hold), order_of(hold=hold, apple=1), released(hold)]
        effects = [each for of_one in await asyncio.gather(*map(warehouse.tell, told)) for each in of_one]
        assert len(events(effects, HoldEnded)) == 1
        await warehouse.check()
        rows = await warehouse.rows("SELECT holder_id, product_id, line_no FROM reservations WHERE released_at IS NULL")
        assert hold.reservation_id not in {row[0] for row in rows}
        orders = [each for each in told if isinstance(each, OrderCreated)]
        await warehouse.tell(*map(cancelled, orders))
        assert await warehouse.levels() == {APPLES: (5, 0), PEARS: (3, 0)}


async def test_replicas_that_hold_and_release_the_same_products_in_opposite_order_do_not_deadlock(
    warehouse: Warehouse,
) -> None:
    await warehouse.tell(counted(100), counted(100, "pear"))
    holds = [held(apple=1, pear=1) if turn % 2 else held(pear=1, apple=1) for turn in range(20)]
    await asyncio.gather(*(warehouse.tell(*holds[start::4]) for start in range(4)))
    assert await warehouse.levels() == {APPLES: (100, 20), PEARS: (100, 20)}
    await let_time_run_out(warehouse, *holds[::2])
    await asyncio.gather(
        *(warehouse.tell(*(released(hold) for hold in holds[start::4])) for start in (1, 3)),
        *(sweep(warehouse) for _ in range(3)),
    )
    assert await warehouse.levels() == {APPLES: (100, 0), PEARS: (100, 0)}
    await warehouse.check()


async def test_the_table_itself_refuses_a_hold_that_ended_twice(warehouse: Warehouse) -> None:
    await warehouse.tell(held(apple=1))
    with pytest.raises(asyncpg.CheckViolationError):
        await warehouse.rows("UPDATE holds SET state = 'used', ended_at = statement_timestamp()")


async def test_what_ends_a_hold_is_told_with_its_cause(warehouse: Warehouse) -> None:
    hold = held(apple=1)
    await warehouse.tell(hold)
    release = received(released(hold))
    (told,) = [
        each
        for each in await warehouse.tell(release)
        if isinstance(each, Publish) and isinstance(each.event, HoldEnded)
    ]
    assert told.cause == release
