"""What heals: own entries first, claims, groups that are made again, asking and telling again, parking."""

from tests.sabotage.breakage import Breakage, Change

_COMMON = "libs/common/src/onhand/common"
_TESTS = "libs/common/tests"
_AT_WORK = "tests/e2e/test_housekeeping.py"

RECOVERY = (
    Breakage(
        name="no-own-entries",
        sentence="A consumer that starts again does not finish what it was given before.",
        promise="I5",
        changes=(
            Change(
                f"{_COMMON}/messaging/consumer.py", "                    await turn.finish_own_pending(stopping)\n", ""
            ),
        ),
        tests=(f"{_TESTS}/test_consumer.py::test_a_restarted_consumer_first_finishes_what_it_was_given_before",),
        says="not within 10.0 s",
    ),
    Breakage(
        name="no-claims",
        sentence="Nobody takes over what a dead or frozen replica was given.",
        promise="I5, a replica may freeze and come back",
        changes=(
            Change(
                f"{_COMMON}/messaging/consumer.py",
                "            if entries := await self._reader.claim(self._claim_idle_ms):\n",
                "            if entries := []:\n",
            ),
        ),
        tests=(f"{_TESTS}/test_claims.py::test_what_a_dead_replica_was_given_is_done_by_another",),
        says="not within 10.0 s",
    ),
    Breakage(
        name="groups-made-once",
        sentence="Consumer groups that Redis has lost are not created again.",
        promise="Redis may vanish",
        changes=(
            Change(
                f"{_COMMON}/messaging/streams.py",
                '        try:\n            await self._call(partition, ("XGROUP", "CREATE",',
                '        made = self.__dict__.setdefault("_made", set())\n'
                "        if (group, topic, partition) in made:\n"
                "            return\n"
                "        made.add((group, topic, partition))\n"
                '        try:\n            await self._call(partition, ("XGROUP", "CREATE",',
            ),
        ),
        tests=(f"{_TESTS}/test_consumer.py::test_after_redis_lost_everything_the_group_is_created_again",),
        says="not within 10.0 s",
    ),
    Breakage(
        name="groups-from-the-end",
        sentence="A new consumer group begins behind what is on the stream already.",
        promise="I1, Redis may vanish",
        changes=(Change(f"{_COMMON}/messaging/streams.py", 'group, "0", "MKSTREAM")', 'group, "$", "MKSTREAM")'),),
        tests=(f"{_TESTS}/test_consumer.py::test_messages_that_queued_are_handled_in_one_batch",),
        says="not within 10.0 s",
    ),
    Breakage(
        name="trim-what-one-group-has-read",
        sentence="Streams are trimmed up to where the fastest group is.",
        promise="I1, streams never lose what a group needs",
        changes=(
            Change(f"{_COMMON}/messaging/streams.py", "min(needed, key=as_numbers)", "max(needed, key=as_numbers)"),
        ),
        tests=(f"{_TESTS}/test_janitor.py::test_what_a_group_has_not_been_given_stays",),
        says="assert 0 < ",
    ),
    Breakage(
        name="trim-what-is-pending",
        sentence="Streams are trimmed up to what was read, though it is not acknowledged.",
        promise="I1, streams never lose what a group needs",
        changes=(
            Change(
                f"{_COMMON}/messaging/streams.py",
                'lowest_pending or group[b"last-delivered-id"]',
                'group[b"last-delivered-id"]',
            ),
        ),
        tests=(f"{_TESTS}/test_janitor.py::test_what_a_group_was_given_and_has_not_acknowledged_stays",),
        says="assert",
    ),
    Breakage(
        name="transient-buried",
        sentence="A message is held to blame when the database is away.",
        promise="I5, dead letters explained",
        changes=(
            Change(
                f"{_COMMON}/messaging/batches.py",
                "        return is_transient(error)\n",
                "        return is_transient(error) and False\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_consumer.py::test_nothing_is_told_or_acknowledged_when_the_transaction_does_not_commit",
        ),
        says="assert",
    ),
    Breakage(
        name="nothing-parked",
        sentence="Messages are handled though one before them with the same key is a dead letter.",
        promise="a message that nobody can handle stops nothing but its own order",
        changes=(
            Change(
                f"{_COMMON}/messaging/batches.py",
                "        if not self._dead_keys.is_empty:\n",
                "        if False and not self._dead_keys.is_empty:\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_dead_letters.py::test_later_messages_with_its_key_are_parked_in_order_and_others_go_on",
        ),
        says="not within 10.0 s",
    ),
    Breakage(
        name="not-told-until-answered",
        sentence="An event that needs an answer is told once, and not noted.",
        promise="a cancellation gives back what was held, a fulfilment and a return move stock",
        changes=(
            Change(
                f"{_COMMON}/messaging/unanswered.py",
                "    if events:\n        await tx.execute(",
                "    if False and events:\n        await tx.execute(",
            ),
        ),
        tests=(
            f"{_TESTS}/test_unanswered.py::"
            "test_an_event_is_told_at_once_and_again_each_time_later_until_it_is_answered",
            "apps/orders/tests/test_orders_asking.py::"
            "test_what_inventory_has_to_do_is_told_again_until_it_says_that_it_did",
        ),
        says="assert",
    ),
    Breakage(
        name="no-asking-again",
        sentence="Orders does not ask again for an order whose answer does not come.",
        promise="I3, Redis may vanish",
        changes=(
            Change(
                "apps/orders/src/onhand/orders/__main__.py",
                "timers=timers(settings.ask_again_seconds),",
                "timers=timers(settings.ask_again_seconds)[1:],",
            ),
        ),
        tests=(f"{_AT_WORK}::test_an_order_that_inventory_never_heard_of_is_asked_for_again",),
        says="not within 10.0 s",
    ),
    Breakage(
        name="silence-waited-for-twice",
        sentence="A connection that has gone silent is asked to roll back, for as long as any statement may take.",
        promise="a connection may go silent",
        changes=(
            Change(f"{_COMMON}/database_errors.py", "    TimeoutError,  # nothing comes any more\n", ""),
            Change(f"{_COMMON}/database.py", "connection.execute(words, timeout=seconds)", "connection.execute(words)"),
        ),
        tests=(
            "tests/failures/test_silence.py::"
            "test_a_batch_is_done_again_elsewhere_after_one_limit_when_its_connection_goes_silent",
        ),
        says="began < 2 * LIMIT_SECONDS",
    ),
    Breakage(
        name="no-sweeper",
        sentence="Nobody publishes what a crash has left in an outbox.",
        promise="I5, no dual write",
        changes=(
            Change(
                f"{_COMMON}/message_service.py",
                '            partial(repeat, "outbox sweeper", partial(sweep, database, streams), 1.0),\n',
                "",
            ),
        ),
        tests=(f"{_AT_WORK}::test_what_was_left_in_an_outbox_is_told",),
        says="not within 10.0 s",
    ),
    Breakage(
        name="no-janitor",
        sentence="Nobody deletes what every group has finished with.",
        promise="streams do not grow without bound",
        changes=(
            Change(
                f"{_COMMON}/message_service.py",
                '            partial(repeat, "janitor", partial(trim, service, streams), 1.0),\n',
                "",
            ),
        ),
        tests=(f"{_AT_WORK}::test_what_everybody_has_read_is_deleted",),
        says="not within 10.0 s",
    ),
)
