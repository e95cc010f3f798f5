"""What each message about a hold does, and what time does to it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET, UnsetType

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
    stands. So does a command that its client sends again under the same key.
    """
    fresh = await first_seen(tx, batch)
    known = await holds.find_extensions(tx, {received.message.extension_id for received in batch})
    new: dict[UUID | UnsetType, ExtendHold] = {}
    ttl_seconds: dict[UUID, int] = {}
    for received in batch:
        command = received.message
        if received.envelope.id not in fresh or command.extension_id in known or command.extension_id in new:
            continue
        ttl_seconds[command.reservation_id] = max(command.ttl_seconds, ttl_seconds.get(command.reservation_id, 0))
        if command.extension_id is not UNSET:
            new[command.extension_id] = command
    extended = await holds.extend_holds(tx, ttl_seconds)
    await holds.insert_extensions(tx, [command for command in new.values() if command.reservation_id in extended])
    found = await holds.find_holds(tx, {received.message.reservation_id for received in batch})
    return [Answer(to=received, reply=_judge_extension(received.message, known, new, found)) for received in batch]


def _judge_extension(
    command: ExtendHold,
    known: Mapping[UUID | UnsetType, int],
    new: Mapping[UUID | UnsetType, ExtendHold],
    found: Mapping[UUID, Hold],
) -> HoldDetails | RequestRefused:
    hold = found.get(command.reservation_id)
    if command.ttl_seconds != known.get(command.extension_id, new.get(command.extension_id, command).ttl_seconds):
        detail = "The hold was extended for another time with the same idempotency key."
        return RequestRefused(code="idempotency-key-reused", detail=detail)
    if hold is not None and command.extension_id in known:
        return describe(hold, HoldReplayed)
    return _judge(hold, "active")


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
    found = await holds.find_holds(tx, commands)
    told = [Answer(to=it, reply=_judge(found.get(it.message.reservation_id), "released")) for it in batch]
    return [*told, *ended, *changes]


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


def _judge(found: Hold | None, expected: HoldState) -> HoldDetails | RequestRefused:
    """Answer a command with its hold as it stands; it is done if that is the expected state."""
    if found is None:
        return RequestRefused(code="reservation-not-found", detail="There is no such reservation.")
    if found.state != expected:
        return RequestRefused(code="reservation-state", detail=f"The hold is {found.state}.", state=found.state)
    return describe(found)
