"""`onhand dlq retry` and `drop`, on the databases of both services."""

import json
import threading
from collections.abc import Iterator

import pytest

from tests.dlq.conftest import Run
from tests.dlq.letters import ORDER, Databases


def test_retry_marks_what_failed_and_leaves_the_rest_to_its_service(run: Run, databases: Databases) -> None:
    code, out, _ = run("retry", "orders/1", "--no-wait")
    assert (code, out) == (0, "orders/1 not tried yet\n")
    assert [row["retry"] for row in databases.change("orders", "SELECT retry FROM dead_letters ORDER BY id")] == [
        True,
        False,
        False,
        False,
    ]
    assert "to be retried" in run("list")[1]


@pytest.mark.usefixtures("databases")
def test_retry_tells_what_nobody_does_in_time(run: Run) -> None:
    code, out, _ = run("retry", "--all", "--wait", "0.1", "--json")
    assert code == 3
    assert [(it["id"], it["outcome"]) for it in json.loads(out)] == [
        ("orders/1", "waiting"),
        ("orders/4", "waiting"),
        ("inventory/1", "waiting"),
        ("inventory/2", "waiting"),
    ]


@pytest.fixture
def service(databases: Databases) -> Iterator[None]:
    """Does what the retries of Orders do: the first succeeds, others fail again."""
    stop = threading.Event()

    def serve() -> None:
        while not stop.wait(0.02):
            databases.change("orders", "DELETE FROM dead_letters WHERE retry AND id = 1")
            databases.change("orders", "UPDATE dead_letters SET retry = false, error = 'again' WHERE retry AND id > 1")

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.usefixtures("service")
def test_retry_waits_and_tells_what_came_of_it(run: Run) -> None:
    code, out, _ = run("retry", "orders/1", "orders/4")
    assert (code, out) == (4, "orders/1 handled\norders/4 failed again: again\n")


@pytest.mark.usefixtures("service")
def test_retry_of_what_can_be_handled_succeeds(run: Run) -> None:
    assert run("retry", "--error", "red")[:2] == (0, "orders/1 handled\n")


def test_a_parked_message_is_not_retried_but_what_it_waits_for(run: Run) -> None:
    code, _, errors = run("retry", "orders/2")
    assert code == 1
    assert errors.startswith("onhand: orders/2 did not fail, it is parked: it goes on by itself when what comes")
    assert run("retry", "--state", "parked")[0] == 2


@pytest.mark.parametrize("command", ["retry", "drop"])
def test_a_dry_run_changes_nothing(run: Run, filled: Databases, command: str) -> None:
    code, out, _ = run(command, "--key", str(ORDER), "--dry-run")
    assert (code, out.startswith(f"would {command} orders/1")) == (0, True)
    assert filled.ids("orders") == [1, 2, 3, 4]
    assert not any(row["retry"] for row in filled.change("orders", "SELECT retry FROM dead_letters"))


def test_drop_deletes_what_failed_and_lets_the_parked_go_on(run: Run, databases: Databases) -> None:
    assert run("drop", "orders/1")[:2] == (0, "dropped orders/1; 2 parked behind go on\n")
    assert databases.ids("orders") == [2, 3, 4]


def test_drop_with_parked_deletes_them_too(run: Run, databases: Databases) -> None:
    code, out, _ = run("drop", "--key", str(ORDER), "--with-parked", "--yes", "--json")
    assert (code, json.loads(out)) == (0, {"dropped": ["orders/1", "orders/2", "orders/3"]})
    assert databases.ids("orders") == [4]


def test_a_parked_message_can_be_dropped_alone(run: Run, databases: Databases) -> None:
    run("drop", "orders/2")
    assert databases.ids("orders") == [1, 3, 4]


def test_drop_by_filter_asks_first(run: Run, databases: Databases) -> None:
    code, out, _ = run("drop", "--all")  # and nobody is there to answer
    assert code == 1
    assert out.startswith("Drop 4 for good (orders/1, orders/4, inventory/1, inventory/2)? [y/N]")
    assert databases.ids("orders") == [1, 2, 3, 4]
    assert run("drop", "--all", "--yes")[0] == 0
    assert databases.ids("orders") == [2, 3]
