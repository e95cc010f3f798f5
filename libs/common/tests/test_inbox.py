from onhand.common.database import Database
from onhand.common.messaging.inbox import first_seen, forget_old
from onhand.common.testing import received
from toy import Count


async def test_a_message_is_new_once(orders_database: Database) -> None:
    message = received(Count(thing="a"))
    async with orders_database.transaction() as tx:
        assert await first_seen(tx, [message, message]) == {message.envelope.id}
    async with orders_database.transaction() as tx:
        assert await first_seen(tx, [message]) == set()


async def test_only_what_is_too_old_to_come_again_is_forgotten(orders_database: Database) -> None:
    old, young, dead = received(Count(thing="old")), received(Count(thing="young")), received(Count(thing="dead"))
    async with orders_database.transaction() as tx:
        await first_seen(tx, [old, young, dead])
        await tx.execute(
            "UPDATE inbox SET received_at = now() - interval '31 days' WHERE message_id <> $1", young.envelope.id
        )
        await tx.execute(
            "INSERT INTO dead_letters (topic, entry_id, payload, error, message_id) VALUES ('', '', '', '', $1)",
            dead.envelope.id,
        )
    assert await forget_old(orders_database) == 1
    async with orders_database.transaction() as tx:
        assert await first_seen(tx, [old, young, dead]) == {old.envelope.id}
