"""What products and locations are said to be."""

from collections.abc import Sequence

from msgspec import UNSET

from onhand.common.contracts import DefineLocation, DefineProduct, LocationDetails, ProductDetails, RequestRefused
from onhand.common.contracts.catalogue import MOST_LOCATIONS
from onhand.common.contracts.inventory import DEFAULT_LOCATION
from onhand.common.database import Transaction
from onhand.common.messaging.envelope import Answer, Effect, Received
from onhand.common.messaging.inbox import first_seen
from onhand.inventory.domain.levels import Product
from onhand.inventory.handlers.changes import store_changes
from onhand.inventory.store.catalogue import (
    Definition,
    find_locations,
    find_products,
    save_locations,
    save_products,
)
from onhand.inventory.store.levels import add_levels, lock_stock


async def define_product(batch: Sequence[Received[DefineProduct]], tx: Transaction) -> list[Effect]:
    """Say what products are, one command after the other; one that comes again is only answered, as things are now.

    To define a product again would undo what was said since, hence the inbox. Where less is kept from orders than
    before, those that wait for the product get it.
    """
    fresh = await first_seen(tx, batch)
    product_ids = {received.message.product_id for received in batch}
    stock = await lock_stock(tx, product_ids)
    if unknown := product_ids - stock.products.keys():
        await add_levels(tx, [(product_id, DEFAULT_LOCATION) for product_id in unknown])
        stock = await lock_stock(tx, product_ids)
    products = await find_products(tx, product_ids)
    causes: dict[str, Received[DefineProduct]] = {}
    answers: list[Effect] = []
    for received in batch:
        command = received.message
        if received.envelope.id in fresh:
            fresh.remove(received.envelope.id)  # its copy may be in the same batch, behind a newer command
            causes[command.product_id] = received
            products[command.product_id] = _tell_product(command)
            stock.define(
                Product(
                    command.product_id,
                    None if command.low_stock_threshold is UNSET else command.low_stock_threshold,
                    command.safety_stock,
                    command.backorderable,
                )
            )
        answers.append(Answer(to=received, reply=products[command.product_id]))
    await save_products(tx, [_definition(received) for received in causes.values()])
    return [*await store_changes(tx, stock, causes), *answers]


async def define_location(batch: Sequence[Received[DefineLocation]], tx: Transaction) -> list[Effect]:
    """Say what locations are, one command after the other; one that comes again is only answered, as things are now.

    Nothing is locked: which location serves first is no promise to anybody.
    """
    fresh = await first_seen(tx, batch)
    locations = await find_locations(tx)
    changed: dict[str, DefineLocation] = {}
    answers: list[Effect] = []
    for received in batch:
        command = received.message
        location_id = command.location_id
        is_new = received.envelope.id in fresh
        fresh.discard(received.envelope.id)
        if location_id not in locations and len(locations) >= MOST_LOCATIONS:
            detail = f"There are {MOST_LOCATIONS} locations; there cannot be more."
            refusal = RequestRefused(code="too-many-locations", detail=detail, state=f"{MOST_LOCATIONS} locations")
            answers.append(Answer(to=received, reply=refusal))
            continue
        if is_new:
            changed[location_id] = command
            locations[location_id] = LocationDetails(
                location_id=location_id, name=command.name, priority=command.priority
            )
        if location_id in locations:  # it is not, if this is a copy of a command that was refused
            answers.append(Answer(to=received, reply=locations[location_id]))
    await save_locations(tx, changed.values())
    return answers


def _tell_product(command: DefineProduct) -> ProductDetails:
    return ProductDetails(
        product_id=command.product_id,
        name=command.name,
        low_stock_threshold=command.low_stock_threshold,
        safety_stock=command.safety_stock,
        backorderable=command.backorderable,
    )


def _definition(received: Received[DefineProduct]) -> Definition:
    command = received.message
    return Definition(
        command.product_id,
        command.name or None,
        None if command.low_stock_threshold is UNSET else command.low_stock_threshold,
        command.safety_stock,
        command.backorderable,
        received.envelope.actor or None,
    )
