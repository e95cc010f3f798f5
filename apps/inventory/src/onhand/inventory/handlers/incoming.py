"""What is expected, and what it promises to orders that wait."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from onhand.common.contracts import (
    BackorderPromised,
    ExpectStock,
    IncomingAdded,
    IncomingDetails,
    IncomingOver,
    IncomingReplayed,
    Reply,
    RequestRefused,
)
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Effect, Publish, Received
from onhand.common.messaging.inbox import first_seen
from onhand.common.messaging.unanswered import Unanswered, expect_answers
from onhand.inventory.domain.incoming import Incomings, tell_incoming
from onhand.inventory.domain.levels import Stock
from onhand.inventory.domain.promises import promise
from onhand.inventory.store.incoming import find_incoming, save_incoming
from onhand.inventory.store.levels import add_levels, lock_stock, remove_levels
from onhand.inventory.store.promises import find_deliveries, find_promises, find_queue, save_promises
from onhand.inventory.store.reservations import next_revisions


async def expect_stock(batch: Sequence[Received[ExpectStock]], tx: Transaction) -> list[Effect]:
    """Note what is on its way, one command after the other; one that comes again is only answered, as things are now.

    To note it again would undo what was said or received since; no natural key tells that it is the same command, hence
    the inbox.
    """
    fresh = await first_seen(tx, batch)
    product_ids = {received.message.product_id for received in batch}
    stock = await lock_stock(tx, product_ids)
    incomings = await find_incoming(tx, {received.message.incoming_id for received in batch}, product_ids)
    places = {
        (command.product_id, command.location_id)
        for command in (received.message for received in batch)
        if not incomings.is_of_another(command.incoming_id, command.product_id)
        and stock.at(command.product_id, command.location_id) is None
    }
    added: set[tuple[str, str]] = set()
    if places:
        added = await add_levels(tx, places)
        stock = await lock_stock(tx, product_ids)
    effects: list[Effect] = []
    for received in batch:
        reply = _expect(received.message, stock, incomings, is_new=received.envelope.id in fresh)
        fresh.discard(received.envelope.id)  # its copy may be in the same batch, behind a newer command
        if reply is not None:
            effects.append(Answer(to=received, reply=reply))
    await save_incoming(tx, incomings.changes)
    await remove_levels(tx, added - {(incoming.product_id, incoming.location_id) for incoming in incomings.changes})
    causes = {received.message.product_id: received for received in batch}
    changed = {incoming.product_id for incoming in incomings.changes}
    return [*await renew_promises(tx, stock, changed, causes), *effects]


def _expect(command: ExpectStock, stock: Stock, incomings: Incomings, *, is_new: bool) -> Reply | None:
    """Tell the reply; none to the copy of a command that was refused, if it would not be any more."""
    before = incomings.find(command.incoming_id, command.product_id)
    if before is not None and command.idempotency_key:
        if incomings.was_first(command):
            return tell_incoming(before, IncomingReplayed)
        detail = "Something else was expected with the same idempotency key."
        return RequestRefused(code="idempotency-key-reused", detail=detail)
    if before is not None and not is_new:
        return tell_incoming(before)
    if before is not None and before.state == "received":
        return tell_incoming(before, IncomingOver)
    refusal = incomings.refuse(command) or _missing_location(command, stock)
    if refusal is not None:
        return refusal
    kind = IncomingAdded if before is None else IncomingDetails
    return tell_incoming(incomings.expect(command), kind) if is_new else None


def _missing_location(command: ExpectStock, stock: Stock) -> RequestRefused | None:
    if stock.at(command.product_id, command.location_id) is not None:
        return None
    return RequestRefused(
        code="location-not-found", detail=f"There is no location {command.location_id}.", pointer="/locationId"
    )


async def renew_promises(
    tx: Transaction, stock: Stock, product_ids: Collection[str], causes: Mapping[str, Received[Any]]
) -> list[Publish]:
    """Find anew when what is waited for is expected, and tell Orders what has changed.

    Args:
        tx: the transaction.
        stock: locked in it, as it will be stored.
        product_ids: of which something else is there, expected, kept from orders or waited for than before.
        causes: for each product the message that led to it; none for a timer.

    Returns:
        What Orders is to be told now, and again until it says that it took note.
    """
    queue = await find_queue(tx, product_ids)
    if not queue:
        return []
    changed = promise(queue, await find_deliveries(tx, product_ids), stock)
    if not changed:
        return []
    revisions = await next_revisions(tx, {line.order_id for line in changed})
    await save_promises(tx, changed)
    promises = await find_promises(tx, revisions)
    of_order = {line.order_id: causes.get(line.product_id) for line in changed}
    return await expect_answers(
        tx,
        [
            Unanswered(
                f"{order_id}/{revision}",
                Publish(
                    BackorderPromised(order_id=order_id, lines=promises[order_id], revision=revision),
                    cause=of_order[order_id],
                ),
            )
            for order_id, revision in revisions.items()
        ],
    )
