"""What each message does to stock. Any message may come again, late, or in another order."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from onhand.common.contracts import OrderCreated, RequestRefused, SetStock, StockRejected, StockReserved
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Publish, Received
from onhand.common.messaging.inbox import first_seen
from onhand.inventory import domain, store


async def reserve_stock(batch: Sequence[Received[OrderCreated]], tx: Transaction) -> list[Publish]:
    """Decide each order once and publish the decision; an order that comes again gets the stored decision."""
    orders = {received.message.order_id: received for received in batch}
    levels = await store.lock_levels(tx, {received.message.product_id for received in batch})
    decisions, changed = domain.decide([received.message for received in orders.values()], levels)
    if await store.save_decisions(tx, decisions, changed):
        answers = {decision.order.order_id: decision.answer for decision in decisions}
    else:
        answers = await _decide_the_rest(tx, [received.message for received in orders.values()], levels)
    return [Publish(answers[order_id], cause=received) for order_id, received in orders.items()]


async def _decide_the_rest(
    tx: Transaction, orders: Sequence[OrderCreated], levels: Mapping[str, domain.Level]
) -> dict[UUID, StockReserved | StockRejected]:
    """Decide those of the orders that are not decided yet; returns the decisions of all."""
    answers = await store.find_decisions(tx, [order.order_id for order in orders])
    undecided = [order for order in orders if order.order_id not in answers]
    decisions, changed = domain.decide(undecided, levels)
    await store.save_decisions(tx, decisions, changed)
    return answers | {decision.order.order_id: decision.answer for decision in decisions}


async def set_stock(batch: Sequence[Received[SetStock]], tx: Transaction) -> list[Answer]:
    """Set what is on hand, one command after the other; one that comes again is only answered, as things are now.

    Setting a level again would undo what was set since, and no natural key says that it is the same command: hence the
    inbox.
    """
    fresh = await first_seen(tx, batch)
    product_ids = {received.message.product_id for received in batch}
    await store.add_products(tx, product_ids)
    levels = await store.lock_levels(tx, product_ids)
    answers = []
    for received in batch:
        product_id = received.message.product_id
        outcome = domain.set_on_hand(received.message, levels[product_id])
        if isinstance(outcome, RequestRefused):
            answers.append(Answer(to=received, reply=outcome))
            continue
        if received.envelope.id in fresh:
            fresh.remove(received.envelope.id)  # its copy may be in the same batch, behind a newer command
            levels[product_id] = outcome
        answers.append(Answer(to=received, reply=domain.describe(product_id, levels[product_id])))
    await store.set_on_hand(tx, levels)
    return answers
