"""Stock: never sold twice, given back once, first come first served, and every unit in the ledger."""

from tests.sabotage.breakage import Breakage, Change

_INVENTORY = "apps/inventory/src/onhand/inventory"
_TESTS = "apps/inventory/tests"

INVENTORY = (
    Breakage(
        name="no-stock-lock",
        sentence="Levels are read without a lock before units of them are given out.",
        promise="I2",
        changes=(
            Change(
                f"{_INVENTORY}/store/levels.py",
                "ORDER BY product_id, location_id FOR UPDATE OF stock_levels",
                "ORDER BY product_id, location_id",
            ),
        ),
        tests=(f"{_TESTS}/test_reservations.py::test_who_wants_the_last_unit_waits_for_whoever_is_just_getting_it",),
        says="StockReserved",
    ),
    Breakage(
        name="levels-locked-backwards",
        sentence="Levels are locked from the last product on, while others lock them from the first.",
        promise="two consumers do not wait for each other",
        changes=(
            Change(
                f"{_INVENTORY}/store/levels.py",
                "ORDER BY product_id, location_id FOR UPDATE OF stock_levels",
                "ORDER BY product_id DESC, location_id FOR UPDATE OF stock_levels",
            ),
        ),
        tests=(f"{_TESTS}/test_reservations.py::test_levels_are_locked_in_the_order_of_their_products",),
        says="could not obtain lock",
    ),
    Breakage(
        name="no-common-lock",
        sentence="The handlers of one batch lock one after the other, each in its own order.",
        promise="two consumers do not wait for each other",
        changes=(
            Change(
                "libs/common/src/onhand/common/messaging/subscriptions.py",
                "        locked = _locked_together(messages) if len(messages) > 1 else {}\n",
                "        locked = {}\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_locks.py::test_batches_with_several_types_of_messages_in_opposite_order_do_not_deadlock",
        ),
        says="deadlock detected",
    ),
    Breakage(
        name="decided-anew",
        sentence="An order that comes again is decided again, and the stored decision not looked up.",
        promise="I3, I4",
        changes=(
            Change(
                f"{_INVENTORY}/handlers/orders.py",
                "    answers = await reservations.find_decisions(tx, [order.order_id for order in orders])\n",
                "    answers = {}\n",
            ),
        ),
        tests=(f"{_TESTS}/test_reservations.py::test_a_redelivered_order_changes_nothing_and_gets_the_same_answer",),
        says="assert",
    ),
    Breakage(
        name="no-tombstone",
        sentence="A cancellation that comes before its order is not kept.",
        promise="a cancellation gives back what was held",
        changes=(
            Change(f"{_INVENTORY}/handlers/orders.py", "    await reservations.save_tombstones(tx, tombstones)\n", ""),
        ),
        tests=(f"{_TESTS}/test_cancellations.py::test_an_order_that_comes_after_its_cancellation_gets_nothing",),
        says="assert",
    ),
    Breakage(
        name="given-back-each-time",
        sentence="A cancellation that comes again gives back again what was held.",
        promise="I4, a cancellation gives back what was held, once",
        changes=(
            Change(
                f"{_INVENTORY}/store/reservations.py",
                "WHERE holder_id = ANY($1) AND released_at IS NULL\n        )\n",
                "WHERE holder_id = ANY($1)\n        )\n",
            ),
            Change(
                f"{_INVENTORY}/store/reservations.py",
                "          AND reservations.released_at IS NULL\n        RETURNING",
                "        RETURNING",
            ),
        ),
        tests=(
            f"{_TESTS}/test_cancellations.py::"
            "test_a_cancellation_that_comes_again_gives_back_nothing_more_and_is_answered",
        ),
        says="",
    ),
    Breakage(
        name="last-come-first-served",
        sentence="Units that come go to who waits for the shortest time.",
        promise="backorders are served first come, first served",
        changes=(
            Change(
                f"{_INVENTORY}/store/backorders.py",
                "waiting > 0 ORDER BY queue_no LIMIT $2\n        ) AS queue\n        ORDER BY queue_no\n",
                "waiting > 0 ORDER BY queue_no DESC LIMIT $2\n        ) AS queue\n        ORDER BY queue_no DESC\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_backorders.py::test_those_that_wait_are_served_first_come_first_served_and_also_in_part",
        ),
        says="assert",
    ),
    Breakage(
        name="backorders-not-filled",
        sentence="Units that become free are left to whoever orders next.",
        promise="nothing is promised past who waits",
        changes=(
            Change(
                f"{_INVENTORY}/handlers/changes.py",
                "    events = await fill_backorders(tx, stock, raised, causes) if raised else []\n",
                "    events = await fill_backorders(tx, stock, [], causes) if raised else []\n",
            ),
        ),
        tests=(f"{_TESTS}/test_backorders.py::test_nothing_can_be_promised_while_somebody_waits",),
        says="assert",
    ),
    Breakage(
        name="extended-hold-expires",
        sentence="A hold that was found due expires, though it was extended meanwhile.",
        promise="a hold ends once, on the database's clock",
        changes=(
            Change(
                f"{_INVENTORY}/store/holds.py",
                "SET state = 'expired', ended_at = statement_timestamp()\n"
                "        WHERE reservation_id = ANY($1) AND state = 'active' AND expires_at <= statement_timestamp()\n",
                "SET state = 'expired', ended_at = statement_timestamp()\n"
                "        WHERE reservation_id = ANY($1) AND state = 'active'\n",
            ),
        ),
        tests=(f"{_TESTS}/test_holds.py::test_a_hold_that_is_extended_while_the_sweeper_waits_for_it_stays",),
        says="assert",
    ),
    Breakage(
        name="used-hold-expires",
        sentence="A hold that was found due expires, though an order used it meanwhile.",
        promise="I2, a hold ends once",
        changes=(
            Change(
                f"{_INVENTORY}/store/holds.py",
                "SET state = 'expired', ended_at = statement_timestamp()\n"
                "        WHERE reservation_id = ANY($1) AND state = 'active' AND expires_at <= statement_timestamp()\n",
                "SET state = 'expired', ended_at = statement_timestamp()\n"
                "        WHERE reservation_id = ANY($1) AND expires_at <= statement_timestamp()\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_holds.py::test_a_hold_found_due_that_is_used_before_its_levels_are_locked_is_not_swept",
        ),
        says="",
    ),
    Breakage(
        name="sale-not-in-the-ledger",
        sentence="Units that are sent off leave no entry in the ledger.",
        promise="stock is what the ledger adds up to",
        changes=(
            Change(
                f"{_INVENTORY}/handlers/fulfilments.py",
                "    await movements.record(tx, entries)\n    changes =",
                "    changes =",
            ),
        ),
        tests=(f"{_TESTS}/test_fulfilments.py::test_what_is_sent_off_leaves_the_stock_and_what_is_reserved_with_it",),
        says="assert",
    ),
)
