from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from conftest import Servers
from onhand.cli.migrations import migrate
from onhand.cli.verification.snapshots import Books
from onhand.common.contracts import CreateOrder, OrderCreated, SetStock, StockRejected, StockReserved
from onhand.common.database import Database, open_database
from onhand.common.messaging.envelope import Publish
from onhand.common.testing import received
from onhand.inventory.handlers import reserve_stock, set_stock
from onhand.orders.handlers import create_orders, settle_orders
from tests.verification.broken import MILK, TEA


@pytest.fixture(scope="session")
def database_urls(servers: Servers) -> dict[str, str]:
    """Two databases for all tests of this directory: making them takes longer than a test."""
    urls = {service: servers.embedded.postgres_url(f"{service}_books") for service in ("orders", "inventory")}
    for service, url in urls.items():
        migrate(url, ["onhand.common", f"onhand.{service}"])
    return urls


@pytest.fixture
async def books(database_urls: dict[str, str]) -> AsyncIterator[Books]:
    """Two orders that the services have taken, decided and ended, and nothing on its way."""
    async with (
        open_database(database_urls["orders"], "ORDERS_DATABASE_URL", "test") as orders,
        open_database(database_urls["inventory"], "INVENTORY_DATABASE_URL", "test") as inventory,
    ):
        books = Books(orders, inventory)
        await _empty(orders, "orders", "order_events", "outbox", "inbox", "dead_letters")
        await _empty(inventory, "stock", "reservations", "outbox", "inbox", "dead_letters")
        await _fill(books)
        yield books


@pytest.fixture
async def unguarded_books(orders_database: Database, inventory_database: Database) -> Books:
    """The same in databases of the test's own, the constraints of which it may drop."""
    books = Books(orders_database, inventory_database)
    await _fill(books)
    return books


async def _empty(database: Database, *tables: str) -> None:
    async with database.transaction() as tx:
        for table in tables:
            await tx.execute(f"DELETE FROM {table}")  # noqa: S608  # our own names


async def _fill(books: Books) -> None:
    async with books.inventory.transaction() as tx:
        await set_stock([received(SetStock(product_id=name, on_hand=n)) for name, n in (("tea", 10), ("milk", 1))], tx)
    told = await order(books, TEA, "tea", 3) + await order(books, MILK, "milk", 9)
    await settle(books, await decide(books, told))


async def order(books: Books, order_id: UUID, product_id: str, quantity: int) -> list[Publish]:
    """Do what Orders does with a command; returns what it tells."""
    command = CreateOrder(order_id=order_id, customer_id="ann", product_id=product_id, quantity=quantity)
    async with books.orders.transaction() as tx:
        return [effect for effect in await create_orders([received(command)], tx) if isinstance(effect, Publish)]


async def decide(books: Books, told: list[Publish]) -> list[Publish]:
    """Do what Inventory does with what Orders told; returns what it tells."""
    async with books.inventory.transaction() as tx:
        return await reserve_stock([received(it.event) for it in told if isinstance(it.event, OrderCreated)], tx)


async def settle(books: Books, told: list[Publish]) -> None:
    """Do what Orders does with what Inventory told."""
    answers = [received(it.event) for it in told if isinstance(it.event, StockReserved | StockRejected)]
    async with books.orders.transaction() as tx:
        await settle_orders(answers, tx)
