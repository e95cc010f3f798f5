"""Once the fault is mended, dead letters are worked off in order, each once, and replay nothing to anybody else."""

import asyncio
import random

import asyncpg
import pytest

from onhand.common.database import Database
from onhand.common.errors import Unavailable
from onhand.common.messaging.envelope import decode
from onhand.common.messaging.outbox import sweep
from onhand.common.messaging.streams import Streams
from stories import Ask, Happened, Stories, Write, brief, new_stories, poison
from toy import Counted, age_outbox, read


@pytest.fixture
async def stories(orders_database: Database, streams: Streams, monkeypatch: pytest.MonkeyPatch) -> Stories:
    return await new_stories(orders_database, streams, monkeypatch)


async def bury(stories: Stories, *messages: Write | Happened | Ask, rows: int) -> list[str]:
    """Have a consumer bury or park messages; returns their ids."""
    async with stories.consuming():
        envelopes = await stories.send(*messages)
        await stories.until_rows(rows)
    return [envelope.id for envelope in envelopes]


async def mark(stories: Stories, key: str = "a") -> None:
    """Do what `onhand dlq retry` does."""
    await stories.change("UPDATE dead_letters SET retry = true WHERE key = $1 AND state = 'failed'", key)


async def causes(stories: Stories) -> list[str]:
    """Ids of the messages that led to what has been published, in order."""
    entries = await read(stories.streams, "listener", Counted.TOPIC)
    return [str(decode(entry.payload or b"").causationid) for entry in entries]


async def test_what_waits_is_handled_in_order_once_and_with_its_original_ids(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    ids = await bury(stories, *(Write(story="a", step=step) for step in (1, 2, 3)), rows=3)
    await stories.work_off()
    assert await stories.written() == []  # nobody asked for it

    stories.faults.clear()
    await mark(stories)
    await stories.work_off()
    await stories.work_off()

    assert await stories.written() == [("a", 1), ("a", 2), ("a", 3)]
    assert await stories.rows() == []
    assert await causes(stories) == ids
    assert await sweep(stories.database, stories.streams) == 0
    async with stories.consuming():
        await stories.send(Write(story="a", step=4))
        await stories.until_written(("a", 4))


async def test_what_fails_again_keeps_its_place_and_says_why(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    await bury(stories, Write(story="a", step=1), Write(story="a", step=2), rows=2)
    stories.faults["a", 1] = KeyError("now it is this")
    await mark(stories)
    await stories.work_off()
    first, second = await stories.rows()
    assert (first["state"], first["retry"], first["attempts"]) == ("failed", False, 10)
    assert first["error"] == "KeyError: 'now it is this'"
    assert first["first_failed_at"] < first["last_failed_at"]
    assert second["state"] == "parked"
    assert await stories.written() == []


async def test_what_was_parked_and_fails_holds_up_the_rest(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    await bury(stories, *(Write(story="a", step=step) for step in (1, 2, 3)), rows=3)
    stories.faults = {("a", 2): poison()}
    await mark(stories)
    await stories.work_off()
    assert await stories.written() == [("a", 1)]
    rows = await stories.rows()
    assert [(row["state"], row["attempts"]) for row in rows] == [("failed", 5), ("parked", 0)]
    assert rows[0]["first_failed_at"] == rows[0]["last_failed_at"] > rows[0]["buried_at"]


async def test_when_the_first_is_dropped_the_rest_goes_on(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    await bury(stories, Write(story="a", step=1), Write(story="a", step=2), rows=2)
    await bury(stories, Happened(story="a", step=3), rows=3)
    await stories.change("DELETE FROM dead_letters WHERE state = 'failed'")
    await stories.work_off()
    assert await stories.written() == [("a", 2), ("a", 3)]
    assert await stories.rows() == []


async def test_what_waits_behind_another_is_not_retried_before_it(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    await bury(stories, Write(story="a", step=1), Write(story="a", step=2), rows=2)
    await stories.change("UPDATE dead_letters SET retry = true, state = 'failed' WHERE state = 'parked'")
    await stories.work_off()
    assert await stories.written() == []
    assert [row["retry"] for row in await stories.rows()] == [False, True]


async def test_another_that_failed_is_not_retried_along_with_the_first(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    await bury(stories, *(Write(story="a", step=step) for step in (1, 2, 3)), rows=3)
    await stories.change("UPDATE dead_letters SET state = 'failed' WHERE id = (SELECT min(id) + 1 FROM dead_letters)")
    stories.faults.clear()
    await stories.change("UPDATE dead_letters SET retry = true WHERE id = (SELECT min(id) FROM dead_letters)")
    await stories.work_off()
    assert await stories.written() == [("a", 1)]
    assert [row["state"] for row in await stories.rows()] == ["failed", "parked"]


async def test_a_crash_between_effect_and_deletion_leaves_no_hole_and_no_second_effect(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    await bury(stories, Write(story="a", step=1), Write(story="a", step=2), rows=2)
    stories.faults.clear()
    await mark(stories)
    # PostgreSQL takes nothing back of what is committed: so this is a crash at that statement.
    await stories.change(
        "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'crash' USING ERRCODE = 'admin_shutdown'; END $$"
    )
    await stories.change("CREATE TRIGGER crash BEFORE DELETE ON dead_letters FOR EACH ROW EXECUTE FUNCTION crash()")
    with pytest.raises(Exception, match="crash"):
        await stories.work_off()
    assert await stories.written() == []
    assert brief(await stories.rows()) == [("failed", "a", "write"), ("parked", "a", "write")]
    assert (await stories.rows())[0]["attempts"] == 5  # a crash is not held against it

    await stories.change("DROP TRIGGER crash ON dead_letters")
    await stories.work_off()
    assert await stories.written() == [("a", 1), ("a", 2)]
    assert await stories.rows() == []


async def test_what_a_crash_kept_from_being_told_is_told_by_the_sweeper(
    stories: Stories, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories.faults["a", 1] = poison()
    ids = await bury(stories, Write(story="a", step=1), Write(story="a", step=2), rows=2)
    stories.faults.clear()
    await mark(stories)

    async def away(*_: object) -> None:
        raise Unavailable("Redis is away")

    with monkeypatch.context() as patch:
        patch.setattr(Streams, "tell", away)
        with pytest.raises(Unavailable):
            await stories.work_off()
    assert await stories.written() == [("a", 1)]
    await stories.work_off()
    await age_outbox(stories.database)
    await sweep(stories.database, stories.streams)
    assert await stories.written() == [("a", 1), ("a", 2)]
    assert sorted(await causes(stories)) == sorted(ids)


async def test_two_who_work_off_at_once_handle_each_message_once_and_in_order(stories: Stories) -> None:
    keys, steps = [f"key {number}" for number in range(8)], range(1, 6)
    stories.faults = {(key, 1): poison() for key in keys}
    messages = [Write(story=key, step=step) for step in steps for key in keys]
    ids = await bury(stories, *messages, rows=len(messages))
    stories.faults.clear()
    await stories.change("UPDATE dead_letters SET retry = true WHERE state = 'failed'")

    async def work_off() -> None:
        for _ in range(3):
            await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311  # so that they do not walk in step
            await stories.work_off()

    await asyncio.gather(*(work_off() for _ in range(4)))
    assert await stories.rows() == []
    written = await stories.written()
    assert len(written) == len(messages)
    assert all([step for story, step in written if story == key] == list(steps) for key in keys)
    assert sorted(await causes(stories)) == sorted(ids)


async def test_a_message_is_tried_again_while_the_database_is_away_and_it_does_not_count(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    await bury(stories, Write(story="a", step=1), rows=1)
    stories.faults["a", 1] = ConnectionResetError("the database went away")
    await mark(stories)
    with pytest.raises(ConnectionResetError):
        await stories.work_off()
    (row,) = await stories.rows()
    assert (row["retry"], row["attempts"], row["error"]) == (True, 5, "ZeroDivisionError: this cannot be written")


async def test_what_takes_too_long_stays_due_or_parked_and_holds_up_no_other_key(stories: Stories) -> None:
    stories.faults = {("a", 1): poison(), ("b", 1): poison()}
    await bury(stories, *(Write(story=story, step=step) for story in "ab" for step in (1, 2)), rows=4)
    stories.faults = {("a", 2): asyncpg.QueryCanceledError("slow")}
    await mark(stories, "a")
    await mark(stories, "b")
    for _ in range(2):
        with pytest.raises(asyncpg.QueryCanceledError):
            await stories.work_off()
    assert brief(await stories.rows()) == [("parked", "a", "write")]
    assert await stories.written() == [("a", 1), ("b", 1), ("b", 2)]
    stories.faults.clear()
    await stories.work_off()
    assert await stories.written() == [("a", 1), ("b", 1), ("b", 2), ("a", 2)]


async def test_a_type_that_nobody_takes_any_more_is_kept(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    await bury(stories, Write(story="a", step=1), rows=1)
    stories.subscriptions = [it for it in stories.subscriptions if it.message is not Write]
    await mark(stories)
    await stories.work_off()
    assert [row["error"] for row in await stories.rows()] == [
        "LookupError: no handler takes this type of message any more"
    ]


async def test_a_query_can_be_tried_again(stories: Stories) -> None:
    stories.faults["a", 1] = poison()
    await bury(stories, Ask(story="a", step=1), rows=1)
    stories.faults.clear()
    await stories.change("UPDATE dead_letters SET retry = true")
    await stories.work_off()
    assert await stories.rows() == []


async def test_what_was_never_a_message_can_be_tried_and_stays(stories: Stories) -> None:
    await stories.change(
        "INSERT INTO dead_letters (topic, entry_id, payload, error, retry)"
        " VALUES ('toy.commands', '1-0', '{', '?', true)"
    )
    await stories.work_off()
    (row,) = await stories.rows()
    assert (row["retry"], row["attempts"], row["error"]) == (False, 5, "DecodeError: Input data was truncated")
