"""What lies in the databases when a test begins."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import asyncpg

from onhand.cli.local import EmbeddedServers
from onhand.cli.migrations import migrate
from onhand.common.contracts import CreateOrder, GetOrder, Line, SetStock
from onhand.common.contracts.message import Message
from onhand.common.database import Database, open_database
from onhand.common.messaging.dead_letters import Letter, Place, bury, park
from onhand.common.messaging.entries import Entry
from onhand.common.messaging.envelope import encode, wrap

ORDER = UUID(int=7)
PLACE = Place(0, "orders-1")
NO_MESSAGE = Letter(Entry("inventory.commands", b"5-1", b"\xff{\x1b"), None, None)


class Databases:
    """Both databases, and what lies in them."""

    def __init__(self, embedded: EmbeddedServers) -> None:
        self.urls = {service: embedded.postgres_url(f"{service}_dlq") for service in ("orders", "inventory")}
        for service, url in self.urls.items():
            migrate(url, ["onhand.common", f"onhand.{service}"])

    def change(self, service: str, statement: str, *arguments: object) -> list[Any]:
        """Do something to a database by hand."""

        async def execute() -> list[Any]:
            connection = await asyncpg.connect(self.urls[service])
            try:
                rows: list[Any] = await connection.fetch(statement, *arguments)
                return rows
            finally:
                await connection.close()

        return asyncio.run(execute())

    def payload(self, service: str, row: int = 1) -> bytes:
        """What a dead letter says."""
        payload: bytes = self.change(service, "SELECT payload FROM dead_letters WHERE id = $1", row)[0]["payload"]
        return payload

    def ids(self, service: str) -> list[int]:
        """Which are there."""
        return [row["id"] for row in self.change(service, "SELECT id FROM dead_letters ORDER BY id")]

    def fill(self) -> None:
        """One order that failed with two commands behind it, one query that failed, and some bytes in the other."""
        order = CreateOrder(order_id=ORDER, customer_id="ann", lines=(Line("tea", 1),))

        async def orders(database: Database) -> None:
            async with database.transaction() as tx:
                await bury(tx, letter(order), PLACE, ValueError("no \x1b[31mred\u202e"), 5)
                await park(tx, [letter(order), letter(order)], PLACE)
                await bury(tx, letter(GetOrder(order_id=ORDER)), PLACE, KeyError("x"), 5)

        async def inventory(database: Database) -> None:
            async with database.transaction() as tx:
                await bury(tx, NO_MESSAGE, PLACE, OSError(), 5)
                await bury(
                    tx, letter(SetStock(movement_id=ORDER, product_id="tea", on_hand=3)), PLACE, ValueError("?"), 5
                )

        for service, write in (("orders", orders), ("inventory", inventory)):
            self.change(service, "DELETE FROM dead_letters")
            self.change(service, "ALTER TABLE dead_letters ALTER COLUMN id RESTART")
            asyncio.run(self._write(service, write))

    async def _write(self, service: str, write: Callable[[Database], Any]) -> None:
        async with open_database(self.urls[service], "", "test") as database:
            await write(database)


def letter(message: Message) -> Letter:
    envelope = wrap(message, source="/test")
    return Letter(Entry(message.TYPE, b"1-0", encode(envelope)), envelope, type(message))
