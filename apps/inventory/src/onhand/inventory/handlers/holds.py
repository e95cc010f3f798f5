"""What each message about a hold does, and what time does to it."""

from collections.abc import Sequence
from uuid import UUID

from onhand.common.contracts import (
    ExtendHold,
    HoldDetails,
    HoldEnded,
    HoldReplayed,
    HoldStock,
    ReleaseHold,
    RequestRefused,
)
from onhand.common.contracts.holds import HoldState
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Effect, Publish, Received
from onhand.inventory.domain.allocation import Row, give_back
from onhand.inventory.domain.holds import Hold, describe, hold_units, is_same
from onhand.inventory.domain.levels import Stock
from onhand.inventory.handlers.changes import store_changes
from onhand.inventory.store import holds, levels, reservations


async def hold_stock(batch: Sequence[Received[HoldStock]], tx: Transaction) -> list[Effect]:
    """Hold units of all lines of a command, or of none; one that comes again is told what is held.

    A refusal is not remembered: the same command may succeed later.
    """
    causes = {line.product_id: received for received in batch for line in received.message.lines}
    stock = await levels.lock_stock(tx, causes)
    stored = await holds.find_holds(tx, {received.message.reservation_id for received in batch})
    new: dict[UUID, HoldStock] = {}
    rows: list[Row] = []
    replies = [_hold(received.message, stock, stored, new, rows) for received in batch]
    changes: list[Publish] = []
    if new:
        await holds.insert_holds(tx, list(new.values()))
        await reservations.save_decisions(tx, rows, [])
        changes = await store_changes(tx, stock, causes)
        stored |= await holds.find_holds(tx, new)
    answers = [
        Answer(
            to=received,
            reply=reply
            if isinstance(reply, RequestRefused)
            else describe(stored[received.message.reservation_id], reply),
        )
        for received, reply in zip(batch, replies, strict=True)
    ]
    return [*answers, *changes]


def _hold(
    command: HoldStock, stock: Stock, stored: dict[UUID, Hold], new: dict[UUID, HoldStock], rows: list[Row]
) -> type[HoldDetails] | RequestRefused:
    """Hold what one command asks for, in memory; returns why not, or in which words it is to be answered."""
    first = new.get(command.reservation_id)
    hold = stored.get(command.reservation_id)
    if first is None and hold is None:
        outcome = hold_units(command, stock)
        if isinstance(outcome, RequestRefused):
            return outcome
        new[command.reservation_id] = command
        rows += outcome
        return HoldDetails
    if command == first or (hold is not None and is_same(command, hold)):
        return HoldReplayed
    detail = "Another hold was asked for with the same key."
    return RequestRefused(code="idempotency-key-reused", detail=detail)


async def extend_holds(batch: Sequence[Received[ExtendHold]], tx: Transaction) -> list[Answer]:
    """Let holds that are active end later; of several commands for one hold the longest counts."""
    ttl_seconds: dict[UUID, int] = {}
    for received in batch:
        reservation_id = received.message.reservation_id
        ttl_seconds[reservation_id] = max(received.message.ttl_seconds, ttl_seconds.get(reservation_id, 0))
    await holds.extend_holds(tx, ttl_seconds)
    return await _tell(batch, "active", tx)


async def release_holds(batch: Sequence[Received[ReleaseHold]], tx: Transaction) -> list[Effect]:
    """End holds that are active, and give their units to those that wait for them, or back."""
    commands = {received.message.reservation_id: received for received in batch}
    known = await holds.find_holds(tx, commands)  # what a hold is of never changes, so it may be read before the locks
    causes = {line.product_id: commands[hold.reservation_id] for hold in known.values() for line in hold.lines}
    stock = await levels.lock_stock(tx, causes)
    released = await holds.release_holds(tx, known)
    give_back(stock, await reservations.release_rows(tx, released))
    changes = await store_changes(tx, stock, causes)
    ended = [Publish(HoldEnded(hold_id, "released"), cause=commands[hold_id]) for hold_id in sorted(released)]
    return [*await _tell(batch, "released", tx), *ended, *changes]


async def expire_holds(tx: Transaction) -> list[Publish]:
    """End the holds whose time is over, once, and give their units to those that wait for them, or back.

    Whoever else ends a hold locks the same levels, and of an extension and this one waits for the other on the hold's
    row: each then finds what the other has left of it.
    """
    due = await holds.find_due(tx)
    if not due:
        return []
    stock = await levels.lock_stock(tx, {line.product_id for lines in due.values() for line in lines})
    expired = await holds.expire_holds(tx, due)
    give_back(stock, await reservations.release_rows(tx, expired))
    changes = await store_changes(tx, stock, {})
    return [*(Publish(HoldEnded(hold_id, "expired")) for hold_id in sorted(expired)), *changes]


async def _tell(
    batch: Sequence[Received[ExtendHold | ReleaseHold]], expected: HoldState, tx: Transaction
) -> list[Answer]:
    """Answer commands with the holds as they stand now; they are done if the holds are in the expected state."""
    found = await holds.find_holds(tx, {received.message.reservation_id for received in batch})
    return [
        Answer(to=received, reply=_judge(found.get(received.message.reservation_id), expected)) for received in batch
    ]


def _judge(hold: Hold | None, expected: HoldState) -> HoldDetails | RequestRefused:
    if hold is None:
        return RequestRefused(code="reservation-not-found", detail="There is no such hold.")
    if hold.state != expected:
        return RequestRefused(code="reservation-state", detail=f"The hold is {hold.state}.", state=hold.state)
    return describe(hold)
