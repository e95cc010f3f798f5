"""Orders: once, for one key, one end, and every unit accounted for."""

from tests.sabotage.breakage import Breakage, Change

_ORDERS = "apps/orders/src/onhand/orders"
_TESTS = "apps/orders/tests"

ORDERS = (
    Breakage(
        name="key-not-compared",
        sentence="An idempotency key that was used for another order is answered with that order.",
        promise="I1, once per idempotency key",
        changes=(
            Change(
                f"{_ORDERS}/domain/placing.py",
                "    if replace(place(command), order_id=stored.order_id) == creation(stored):\n",
                "    if True or replace(place(command), order_id=stored.order_id) == creation(stored):\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_orders_placing.py::test_a_key_that_is_used_for_another_order_is_refused_and_makes_none",
        ),
        says="assert",
    ),
    Breakage(
        name="settled-twice",
        sentence="Inventory's answer settles an order whatever it is already.",
        promise="I3, I6",
        changes=(
            Change(
                f"{_ORDERS}/store/settling.py",
                "WHERE orders.order_id = given.order_id AND orders.status = 'pending'",
                "WHERE orders.order_id = given.order_id",
            ),
        ),
        tests=(f"{_TESTS}/test_orders_settling.py::test_an_order_that_is_settled_is_not_settled_again",),
        says="assert",
    ),
    Breakage(
        name="memory-trusted",
        sentence="What Orders wrote into a turn of the feed is told without a look at what else is there.",
        promise="what happens is told once, and all of it",
        changes=(
            Change(
                f"{_ORDERS}/store/recent.py",
                "        if sum(len(it.order_ids) for it in kept) != count:\n",
                "        if not kept:\n",
            ),
            Change(
                f"{_ORDERS}/store/recent.py",
                "return kept if (min(times), max(times)) == (first_at, last_at) else None",
                "return kept if times else None",
            ),
        ),
        tests=(f"{_TESTS}/test_orders_recent_feed.py::test_whatever_happens_memory_tells_what_the_log_says",),
        says="assert",
    ),
    Breakage(
        name="old-news",
        sentence="Of what Inventory tells of a backordered order the last counts, not the latest.",
        promise="I6, units of an order are all accounted for",
        changes=(
            Change(
                f"{_ORDERS}/domain/settling.py",
                '(order.status == "backordered" and answer.revision > order.revision)',
                'order.status == "backordered"',
            ),
        ),
        tests=(
            f"{_TESTS}/test_orders_settling.py::test_units_that_come_in_are_told_of_once_however_often_they_are_told_to_us",
        ),
        says="assert",
    ),
    Breakage(
        name="no-order-lock",
        sentence="An order is read without a lock before it is changed.",
        promise="units of an order are all accounted for",
        changes=(
            Change(
                f"{_ORDERS}/store/orders.py",
                '"SELECT * FROM orders WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE"',
                '"SELECT * FROM orders WHERE order_id = ANY($1) ORDER BY order_id"',
            ),
        ),
        tests=(f"{_TESTS}/test_orders_races.py::test_an_order_that_is_being_sent_off_is_not_cancelled",),
        says="order_events_pkey",
    ),
    Breakage(
        name="orders-locked-backwards",
        sentence="Orders are locked from the highest id down, while others lock them upwards.",
        promise="two consumers do not wait for each other",
        changes=(
            Change(
                f"{_ORDERS}/store/orders.py",
                '"SELECT * FROM orders WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE"',
                '"SELECT * FROM orders WHERE order_id = ANY($1) ORDER BY order_id DESC FOR UPDATE"',
            ),
        ),
        tests=(f"{_TESTS}/test_orders_races.py::test_orders_that_are_read_before_they_are_changed_are_locked_by_id",),
        says="LockNotAvailable",
    ),
    Breakage(
        name="counters-not-added-up",
        sentence="Of several parcels of an order only the last is counted.",
        promise="units of an order are all accounted for",
        changes=(Change(f"{_ORDERS}/domain/changing.py", "it.fulfilled += quantity", "it.fulfilled = quantity"),),
        tests=(f"{_TESTS}/test_orders_changing.py::test_what_is_reserved_is_sent_off_in_parts_or_as_a_whole",),
        says="assert",
    ),
    Breakage(
        name="fulfilment-not-known-again",
        sentence="A fulfilment or return that comes again is carried out again.",
        promise="I4, a fulfilment and a return move stock once",
        changes=(
            Change(
                f"{_ORDERS}/handlers/changing.py",
                "    known = await find_requests(tx, change_ids) if change_ids else {}\n",
                "    known = await find_requests(tx, set()) if change_ids else {}\n",
            ),
        ),
        tests=(
            f"{_TESTS}/test_orders_changing.py::test_a_fulfilment_or_return_that_comes_again_changes_nothing_and_is_answered",
        ),
        says="assert",
    ),
    Breakage(
        name="feed-past-what-is-unfinished",
        sentence="The feed is told up to the highest transaction, though lower ones have not ended.",
        promise="what happens is told once, and all of it",
        changes=(
            Change(
                f"{_ORDERS}/queries/feed.py",
                "SELECT pg_snapshot_xmin(seen)::text AS complete_to",
                "SELECT pg_snapshot_xmax(seen)::text AS complete_to",
            ),
        ),
        tests=(f"{_TESTS}/test_orders_feed.py::test_what_is_committed_late_is_missed_by_nobody_and_told_once",),
        says="assert ((FeedEntry(",
    ),
    Breakage(
        name="turns-of-an-order-go-back",
        sentence="An entry's turn is its transaction's number, also if the order's entry before has a higher one.",
        promise="what happens is told in order",
        changes=(
            Change(
                f"{_ORDERS}/store/orders.py",
                "turn = greatest(orders.turn, pg_current_xact_id())",
                "turn = pg_current_xact_id()",
            ),
        ),
        tests=(
            f"{_TESTS}/test_orders_feed.py::"
            "test_an_orders_entries_are_told_in_order_also_if_the_later_one_is_of_an_earlier_transaction",
        ),
        says="assert [2, 1] == [1, 2]",
    ),
)
