"""Stock that comes, goes and is counted: every change is an entry of the ledger."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from onhand.common.contracts import ReceiveStock, Reply, RequestRefused, SetStock
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Effect, Received
from onhand.common.messaging.inbox import first_seen
from onhand.inventory.domain.incoming import Incomings
from onhand.inventory.domain.ledger import Entry, Move, is_same, makes_known, move, places_of, refuse, tell_movement
from onhand.inventory.domain.levels import Stock, describe
from onhand.inventory.handlers.changes import store_changes
from onhand.inventory.store import movements
from onhand.inventory.store.incoming import find_incoming, save_incoming
from onhand.inventory.store.levels import add_levels, lock_stock, remove_levels


class _Book(NamedTuple):
    """What the commands of a batch are carried out on, in memory.

    Attributes:
        recorded: entries of movements that were there before the batch.
        added: entries of those that came with it.
        fresh: ids of the envelopes that had not been received before.
    """

    stock: Stock
    incomings: Incomings
    recorded: Mapping[UUID, Sequence[Entry]]
    added: dict[UUID, list[Entry]]
    fresh: set[str]


async def move_stock(batch: Sequence[Received[Move]], tx: Transaction) -> list[Effect]:
    """Carry out commands of one type, one after the other; one that comes again changes nothing and is answered alike.

    A movement is known by its id. A refused one is not recorded, so that the client may try it again; that its message
    comes again is no such try, and is told by the inbox.
    """
    fresh = await first_seen(tx, batch)
    commands = [received.message for received in batch]
    product_ids = {command.product_id for command in commands}
    stock = await lock_stock(tx, product_ids)
    recorded = await movements.find(tx, [command.movement_id for command in commands])
    places = {
        (product_id, location_id)
        for command in commands
        for product_id, location_id in places_of(command)
        if command.movement_id not in recorded
        and stock.at(product_id, location_id) is None
        and (product_id in stock.products or makes_known(command))
    }
    added: set[tuple[str, str]] = set()
    if places:
        added = await add_levels(tx, places)
        stock = await lock_stock(tx, product_ids)
    incoming_ids = {
        command.incoming_id
        for command in commands
        if isinstance(command, ReceiveStock) and isinstance(command.incoming_id, UUID)
    }
    incomings = await find_incoming(tx, incoming_ids, product_ids) if incoming_ids else Incomings({}, {}, {})
    book = _Book(stock, incomings, recorded, {}, fresh)
    answers = [Answer(to=received, reply=reply) for received in batch if (reply := _answer(received, book)) is not None]
    entries = [entry for of_movement in book.added.values() for entry in of_movement]
    await movements.record(tx, entries)
    await remove_levels(tx, added - {(entry.product_id, entry.location_id) for entry in entries})
    await save_incoming(tx, incomings.changes)
    causes = {received.message.product_id: received for received in batch}
    return [*await store_changes(tx, stock, causes), *answers]


def _answer(received: Received[Move], book: _Book) -> Reply | None:
    """Carry out one command and tell the reply; none to the copy of one that was refused, if it would not be now."""
    command = received.message
    is_new = received.envelope.id in book.fresh
    book.fresh.discard(received.envelope.id)
    known = book.recorded.get(command.movement_id) or book.added.get(command.movement_id)
    if known is not None:
        if not is_same(command, known):
            detail = "Another movement was made with the same idempotency key."
            return RequestRefused(code="idempotency-key-reused", detail=detail)
        return _tell(command, known, book.stock, is_known=command.movement_id in book.recorded or is_new)
    refusal = _missing_incoming(command, book.incomings) or refuse(command, book.stock)
    if refusal is not None:
        return refusal
    if not is_new:
        return None
    entries = book.added[command.movement_id] = move(command, book.stock, received.envelope.actor or None)
    if isinstance(command, ReceiveStock):
        book.incomings.receive(command)
    return _tell(command, entries, book.stock, is_known=False)


def _missing_incoming(command: Move, incomings: Incomings) -> RequestRefused | None:
    if not isinstance(command, ReceiveStock) or not isinstance(command.incoming_id, UUID):
        return None
    if incomings.find(command.incoming_id, command.product_id) is not None:
        return None
    return RequestRefused(
        code="incoming-not-found",
        detail=f"No {command.product_id} was expected as {command.incoming_id}.",
        pointer="/incomingId",
    )


def _tell(command: Move, entries: Sequence[Entry], stock: Stock, *, is_known: bool) -> Reply:
    """The level after setting it, before any of it goes to those that wait; of other commands, the movement."""
    replayed = is_known and bool(command.idempotency_key)
    if isinstance(command, SetStock):
        return describe(command.product_id, stock, replayed=replayed)
    return tell_movement(entries, replayed=replayed)
