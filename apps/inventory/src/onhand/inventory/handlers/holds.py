"""What each message about a hold does, and what time does to it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
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
from onhand.common.messaging.inbox import first_seen
from onhand.inventory.domain.allocation import Row, give_back
from onhand.inventory.domain.holds import Hold, describe, hold, is_same, refuse
from onhand.inventory.domain.levels import Stock
from onhand.inventory.handlers.changes import store_changes
from onhand.inventory.store import holds, levels, reservations


class _Book(NamedTuple):
    """What the commands of a batch are carried out on, in memory.

    Attributes:
        stored: holds that were there before the batch.
        new: commands whose units are held now, and the rows that say where.
        fresh: ids of the envelopes that had not been received before.
    """

    stock: Stock
    stored: Mapping[UUID, Hold]
    new: dict[UUID, HoldStock]
    rows: list[Row]
    fresh: set[str]


async def hold_stock(batch: Sequence[Received[HoldStock]], tx: Transaction) -> list[Effect]:
    """Hold units of all lines of a command, or of none; one that comes again is told what is held.

    A refused one is not stored, so that the client may try it again with the same key. That its message comes again is
    no such try, and is told by the inbox.
    """
    fresh = await first_seen(tx, batch)
    causes = {line.product_id: received for received in batch for line in received.message.lines}
    stock = await levels.lock_stock(tx, causes)
    stored = await holds.find_holds(tx, {received.message.reservation_id for received in batch})
    book = _Book(stock, stored, {}, [], fresh)
    outcomes = [_hold(received, book) for received in batch]
    changes: list[Publish] = []
    if book.new:
        await holds.insert_holds(tx, list(book.new.values()))
        await reservations.save_decisions(tx, book.rows, [])
        changes = await store_changes(tx, stock, causes)
        stored |= await holds.find_holds(tx, book.new)
    return [*_answer(batch, outcomes, stored), *changes]


def _hold(received: Received[HoldStock], book: _Book) -> type[HoldDetails] | RequestRefused | None:
    """Carry out one command; tells why not, or in which words to answer; none to the copy of one that was refused."""
    command = received.message
    is_new = received.envelope.id in book.fresh
    book.fresh.discard(received.envelope.id)
    stored = book.stored.get(command.reservation_id)
    if command == book.new.get(command.reservation_id) or (stored is not None and is_same(command, stored)):
        return HoldReplayed
    if stored is not None or command.reservation_id in book.new:
        detail = "Another hold was asked for with the same idempotency key."
        return RequestRefused(code="idempotency-key-reused", detail=detail)
    refusal = refuse(command, book.stock)
    if refusal is not None:
        return refusal
    if not is_new:
        return None
    book.new[command.reservation_id] = command
    book.rows.extend(hold(command, book.stock))
    return HoldDetails


def _answer(
    batch: Sequence[Received[HoldStock]],
    outcomes: Sequence[type[HoldDetails] | RequestRefused | None],
    stored: Mapping[UUID, Hold],
) -> list[Answer]:
    answers = []
    for received, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, RequestRefused):
            answers.append(Answer(to=received, reply=outcome))
        elif outcome is not None:
            answers.append(Answer(to=received, reply=describe(stored[received.message.reservation_id], outcome)))
    return answers


async def extend_holds(batch: Sequence[Received[ExtendHold]], tx: Transaction) -> list[Answer]:
    """Let holds that are active end later; of several commands for one hold the longest counts.

    A copy that comes late would let a hold go on for longer than anybody asked for, so it only tells how the hold
    stands.
    """
    fresh = await first_seen(tx, batch)
    ttl_seconds: dict[UUID, int] = {}
    for received in batch:
        if received.envelope.id not in fresh:
            continue
        reservation_id = received.message.reservation_id
        ttl_seconds[reservation_id] = max(received.message.ttl_seconds, ttl_seconds.get(reservation_id, 0))
    await holds.extend_holds(tx, ttl_seconds)
    return await _tell(batch, "active", tx)


async def release_holds(batch: Sequence[Received[ReleaseHold]], tx: Transaction) -> list[Effect]:
    """End holds that are active, and give their units to those that wait for them, or back."""
    commands = {received.message.reservation_id: received for received in batch}
    known = await holds.find_holds(tx, commands)  # what a hold is of never changes, so it may be read before the locks
    causes = {line.product_id: commands[each.reservation_id] for each in known.values() for line in each.lines}
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


def _judge(found: Hold | None, expected: HoldState) -> HoldDetails | RequestRefused:
    if found is None:
        return RequestRefused(code="reservation-not-found", detail="There is no such hold.")
    if found.state != expected:
        return RequestRefused(code="reservation-state", detail=f"The hold is {found.state}.", state=found.state)
    return describe(found)
