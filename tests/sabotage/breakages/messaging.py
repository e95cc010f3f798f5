"""Commit, then tell, then acknowledge; and what is refused."""

from tests.sabotage.breakage import Breakage, Change

_MESSAGING = "libs/common/src/onhand/common/messaging"
_TESTS = "libs/common/tests"
_COMMIT = (
    "            committed = await self._unit.commit("
    "partial(self._subscriptions.handle, messages), transactions, entries)\n"
)
_CALL = "            return await self._commit(entries, transactions)\n"


def _told_before_commit(what: str, made_by: str) -> tuple[Change, ...]:
    """Changes by which something is delivered as soon as handlers return."""
    told = f"""
            from onhand.common.messaging.envelope import {made_by}

            async def handle(tx):
                effects = await self._subscriptions.handle(messages, tx)
                await self._tell(Committed(Delivery({what}={made_by}(effects, "/toy"))))
                return effects

            committed = await self._unit.commit(handle, transactions, entries)
"""
    return (
        Change(f"{_MESSAGING}/batches.py", _CALL, "            self._tell = tell\n" + _CALL),
        Change(f"{_MESSAGING}/batches.py", _COMMIT, told),
    )


MESSAGING = (
    Breakage(
        name="acknowledge-before-commit",
        sentence="Entries are acknowledged before their transaction is committed.",
        promise="I1, a process may die between any two lines",
        changes=(
            Change(
                f"{_MESSAGING}/batches.py",
                _CALL,
                "            await tell(Committed(Delivery(done=entries)))\n" + _CALL,
            ),
        ),
        tests=(
            f"{_TESTS}/test_consumer.py::test_nothing_is_told_or_acknowledged_when_the_transaction_does_not_commit",
        ),
        says="assert 0 == 1",
    ),
    Breakage(
        name="publish-before-commit",
        sentence="Events are published when their handlers return, before COMMIT.",
        promise="no dual write",
        changes=_told_before_commit("messages", "events_of"),
        tests=(f"{_TESTS}/test_refused_commits.py::test_what_is_refused_at_commit_was_neither_told_nor_answered",),
        says="was told",
    ),
    Breakage(
        name="reply-before-commit",
        sentence="Who asked is answered when the handlers return, before COMMIT.",
        promise="I1, 201 means on disk",
        changes=_told_before_commit("replies", "replies_of"),
        tests=(f"{_TESTS}/test_refused_commits.py::test_what_is_refused_at_commit_was_neither_told_nor_answered",),
        says="DID NOT RAISE",
    ),
    Breakage(
        name="commit-when-convenient",
        sentence="What a transaction led to is told at once, and its COMMIT comes with the next one.",
        promise="I1, 201 means on disk",
        changes=(
            Change(
                "libs/common/src/onhand/common/database.py",
                'if await _say(self._connection, "COMMIT AND CHAIN" if chains',
                'if False and await _say(self._connection, "COMMIT AND CHAIN" if chains',
            ),
        ),
        tests=(f"{_TESTS}/test_database.py::test_a_session_commits_what_does_not_raise_and_rolls_back_what_does",),
        says="['a', 'b', 'd']",
    ),
    Breakage(
        name="no-outbox",
        sentence="Events are published, and not stored with the state they tell of.",
        promise="no dual write",
        changes=(
            Change(
                f"{_MESSAGING}/outbox.py",
                "        if not messages and not deleted:\n",
                "        if not deleted:\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_consumer.py::"
            "test_a_message_whose_acknowledgement_was_lost_comes_again_and_has_no_second_effect",
        ),
        says="assert 0 == 1",
    ),
    Breakage(
        name="entry-acknowledged-in-part",
        sentence="An entry is acknowledged when the first of its messages is done.",
        promise="I1, a process may die between any two lines",
        changes=(
            Change(f"{_MESSAGING}/reader.py", "            if missing:\n", "            if False and missing:\n"),
        ),
        tests=(
            f"{_TESTS}/test_entries.py::test_an_entry_is_acknowledged_with_the_last_of_its_messages_in_whatever_order",
        ),
        says="assert",
    ),
    Breakage(
        name="bundle-acknowledged-in-part",
        sentence="A bundle is acknowledged when the first of its parts is done.",
        promise="I1, a process may die between any two lines",
        changes=(
            Change(
                f"{_MESSAGING}/batches.py",
                "            await tell(committed._replace(delivery=committed.delivery._replace(done=())))\n",
                "            await tell(committed)\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_bundles.py::"
            "test_a_crash_between_the_parts_of_a_bundle_brings_all_of_it_again_and_nothing_happens_twice",
        ),
        says="assert 0 == 1",
    ),
    Breakage(
        name="bundle-buried-whole",
        sentence="One bad order buries the others of its bundle.",
        promise="a message that nobody can handle stops nothing but its own order",
        changes=(
            Change(
                f"{_MESSAGING}/batches.py",
                "            if parts := divide(entries[0]):\n",
                "            if parts := divide(entries[0]) and []:\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_bundles.py::test_a_guilty_part_is_buried_alone_and_the_others_are_done_and_answered",
            f"{_TESTS}/test_bundles.py::test_a_part_waits_behind_a_dead_letter_and_the_others_of_its_bundle_do_not",
        ),
        says="assert",
    ),
    Breakage(
        name="no-inbox",
        sentence="Every message counts as one that was not received before.",
        promise="I4",
        changes=(
            Change(
                f"{_MESSAGING}/inbox.py",
                '    return {row["message_id"] for row in rows}\n',
                "    return {received.envelope.id for received in batch} if rows or batch else set()\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_inbox.py::test_a_message_is_new_once",
            "apps/inventory/tests/test_catalogue.py::"
            "test_a_late_copy_of_a_definition_does_not_undo_what_was_said_since",
        ),
        says="assert",
    ),
    Breakage(
        name="unknown-outcome-told-as-refusal",
        sentence="A request whose append was not answered is told not to have been sent.",
        promise="503 means that nothing was done",
        changes=(
            Change(
                f"{_MESSAGING}/writer.py",
                '            raise NoReply(f"Redis went away before it answered: {error.__cause__}") from error\n',
                "            raise\n",
            ),
        ),
        tests=(f"{_TESTS}/test_redis_away.py::test_an_append_on_a_connection_that_breaks_is_of_unknown_outcome",),
        says="Unavailable",
    ),
    Breakage(
        name="no-bound-of-backlog",
        sentence="Commands are taken however much waits to be worked off.",
        promise="work is bounded",
        changes=(
            Change(
                f"{_MESSAGING}/request_reply.py",
                "        if changes and self.presence.backlog > self._limits.backlog:\n",
                "        if False and self.presence.backlog > self._limits.backlog:\n",
            ),
        ),
        tests=(f"{_TESTS}/test_request_reply.py::test_while_too_much_waits_commands_are_refused_and_queries_are_not",),
        says="not within 10.0 s",
    ),
    Breakage(
        name="no-bound-in-flight",
        sentence="Requests are taken however many are under way.",
        promise="work is bounded",
        changes=(
            Change(
                f"{_MESSAGING}/request_reply.py",
                "        if under_way >= most or self.in_flight >= most:\n",
                "        if False and under_way >= most:\n",
            ),
        ),
        tests=(f"{_TESTS}/test_request_reply.py::test_one_request_too_many_is_refused_at_once",),
        says="NoReply",
    ),
    Breakage(
        name="held-head-forgotten",
        sentence="The body of a request whose head is held is taken for the next request, if it looks like one.",
        promise="every request is answered once, as itself",
        changes=(
            Change(
                "libs/common/src/onhand/common/shortcuts.py",
                "            self._is_between_requests = False  # its body comes next, whatever that looks like\n",
                "",
            ),
        ),
        tests=(f"{_TESTS}/test_conversations.py::test_each_request_is_answered_once_in_turn_and_as_itself",),
        says="TimeoutError",
    ),
)
