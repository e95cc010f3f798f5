from collections.abc import Sequence

import pytest

from onhand.common.database import Database, Transaction
from onhand.common.message_service import Timer, run_timer
from onhand.common.messaging.envelope import Effect, Publish
from onhand.common.messaging.streams import Streams
from onhand.common.messaging.unit_of_work import UnitOfWork
from toy import Counted, create_table, told


async def remind(_: Transaction) -> Sequence[Effect]:
    return [Publish(Counted(thing="again"))]


async def outbox_rows(database: Database) -> int:
    async with database.transaction() as tx:
        count: int = await tx.fetchval("SELECT count(*) FROM outbox")
        return count


async def test_a_timer_holds_back_while_enough_waits_where_its_events_go(
    orders_database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onhand.common.message_service._ENOUGH_WAITS", 3)
    await create_table(orders_database)
    timer, unit = Timer("remind", 1.0, remind, Counted.TOPIC), UnitOfWork("toy")
    for _ in range(5):
        await run_timer(timer, unit, orders_database, streams)
    assert await streams.backlog(Counted.TOPIC) == 3
    assert await outbox_rows(orders_database) == 0, "what was published is not swept, and so published again"
    assert await told(streams) == ["again"] * 3
    await run_timer(timer, unit, orders_database, streams)
    assert await told(streams) == ["again"]


async def test_a_timer_without_a_topic_does_its_work_however_much_waits(
    orders_database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onhand.common.message_service._ENOUGH_WAITS", 1)
    await create_table(orders_database)
    timer, unit = Timer("remind", 1.0, remind), UnitOfWork("toy")
    for _ in range(3):
        await run_timer(timer, unit, orders_database, streams)
    assert await told(streams) == ["again"] * 3
