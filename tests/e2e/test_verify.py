"""`onhand verify` on the running system."""

import os

from tests.e2e.conftest import StartSystem
from tests.e2e.databases import read
from tests.e2e.system import System
from tests.e2e.traffic import place_order, set_stock, settled, traffic
from tests.e2e.verification import verify


def test_everything_holds_while_orders_flow_and_messages_are_replayed(system: System) -> None:
    with traffic(system) as orders:
        for options in ((), ("--replay", "20")):
            orders.go_on()
            accepted = len(orders.accepted)
            code, verdict = verify(system, *options)
            assert (code, verdict["holds"]) == (0, True), verdict
            assert verdict["checks"][0]["checked"] >= accepted
            assert len(orders.accepted) > accepted, "orders flowed meanwhile"


def test_what_is_wrong_is_named_and_the_exit_code_says_so(start_system: StartSystem) -> None:
    system = start_system()
    set_stock(system, "tea", 10)
    order_id = place_order(system, "tea", 3)
    settled(system, order_id)
    read(system, "inventory", "UPDATE stock_levels SET reserved = 2 WHERE product_id = 'tea'")
    read(system, "inventory", "DELETE FROM reservations WHERE product_id = 'tea'")

    code, verdict = verify(system, "--within", "0")

    assert code == 4
    assert [check["holds"] for check in verdict["checks"]] == [True, False, False, True, True]
    wrong = {it["subject"]: it["problem"] for check in verdict["checks"] for it in check["findings"]}
    assert wrong == {
        "tea": "has 2 reserved at main, but orders and holds have 0",
        order_id: "is confirmed, but Inventory has decided nothing",
    }


def test_a_system_that_does_not_run_is_told_in_one_line(system: System) -> None:
    done = system.run("onhand.cli", "verify", ONHAND_HOME=str(system.directory / "elsewhere"))
    assert done.returncode == 1
    server = "postgres" if os.environ.get("REDIS_URL") else "redis"
    assert done.stderr.startswith(f"onhand: {server} does not run on ")
    assert done.stderr.count("\n") == 1
