"""What a batch costs: statements, however many messages it has."""

from typing import Any

import pytest

from apps.orders.tests.desk import Lines, confirmed, create, deliver, fulfil, granting, handle, placed, rejecting
from onhand.common.contracts import CancelOrder, Message, StockReserved
from onhand.common.database import Database, Transaction
from onhand.common.testing import received

ONE, MANY = {"apple": 1}, {f"product {number}": 2 for number in range(10)}


class Counting:
    """A transaction that counts what is asked of it."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.statements = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # asyncpg ships no types
        self.statements += 1
        return getattr(self.tx, name)


async def count_statements(database: Database, *batch: Message) -> int:
    async with database.transaction() as tx:
        counting = Counting(tx)
        await handle([received(message) for message in batch], counting)
        return counting.statements


@pytest.mark.parametrize("basket", [ONE, MANY])
async def test_orders_are_stored_by_one_statement_and_settled_by_one(orders_database: Database, basket: Lines) -> None:
    commands = [create(basket) for _ in range(50)]
    ids = [command.order_id for command in commands]
    assert await count_statements(orders_database, *commands) == 1
    assert await count_statements(orders_database, *(StockReserved(order_id) for order_id in ids[:25])) == 1
    assert await count_statements(orders_database, *(rejecting(order_id, basket) for order_id in ids[25:])) == 1


async def test_answers_of_both_kinds_in_one_batch_are_locked_by_one_statement(orders_database: Database) -> None:
    reserved, rejected = [await placed(orders_database, ONE) for _ in range(2)]
    batch = StockReserved(reserved), rejecting(rejected, ONE)
    assert await count_statements(orders_database, *batch) == len(batch) + 1


async def test_a_repeated_key_is_looked_up_by_one_statement_for_ids_and_one_for_keys(orders_database: Database) -> None:
    await deliver(orders_database, create(ONE, idempotency_key="k"))
    again = [create(ONE, idempotency_key="k") for _ in range(20)]
    assert await count_statements(orders_database, *again) == 3


async def test_many_changes_cost_as_many_statements_as_one(orders_database: Database) -> None:
    ids = [await confirmed(orders_database, MANY) for _ in range(4)]
    waiting = [await placed(orders_database, MANY, policy="backorder") for _ in range(4)]
    for one, many in (
        ([granting(waiting[0], MANY, {})], [granting(order_id, MANY, {}) for order_id in waiting[1:]]),
        ([fulfil(ids[0], {"product 1": 1})], [fulfil(order_id, {"product 1": 1}) for order_id in ids[:2]] * 2),
        ([CancelOrder(ids[2])], [CancelOrder(ids[3]), CancelOrder(waiting[0]), CancelOrder(waiting[1])]),
    ):
        assert await count_statements(orders_database, *one) == await count_statements(orders_database, *many) <= 6


async def test_an_order_is_settled_where_it_stands_and_in_no_index(orders_database: Database) -> None:
    ids = [await placed(orders_database, ONE) for _ in range(20)]
    async with orders_database.transaction() as tx:
        await handle([received(StockReserved(order_id)) for order_id in ids], tx)
        counts = await tx.fetchrow(
            """
            SELECT pg_stat_get_xact_tuples_updated(oid), pg_stat_get_xact_tuples_hot_updated(oid)
            FROM pg_class WHERE oid = 'orders'::regclass
            """
        )
    assert tuple(counts) == (len(ids), len(ids))
