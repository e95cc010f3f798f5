"""`onhand demo`: what it tells is what the databases have."""

import json
import signal
from typing import Any

from tests.e2e.databases import read
from tests.e2e.system import System
from tests.e2e.waiting import eventually


def stored(system: System, tag: str) -> dict[str, int]:
    """Orders of a run, by how they stand."""
    query = "SELECT status::text, count(*) FROM orders WHERE customer_id LIKE $1 GROUP BY 1"
    return dict(map(tuple, read(system, "orders", query, f"{tag}-%")))


def check(system: System, told: dict[str, Any]) -> None:
    """Hold what a run told against what is stored."""
    orders = stored(system, told["tag"])
    assert sum(orders.values()) == told["orders"] > 0
    assert orders.get("cancelled", 0) == told["cancelled"]
    assert orders.get("rejected", 0) == told["rejected"]
    assert not {"pending", "backordered"} & orders.keys(), "nobody waits in a shop that is closed"
    assert told["confirmed"] + told["backordered"] + told["rejected"] + told["unsettled"] == told["orders"]
    holds = {check["invariant"]: check["holds"] for check in told["verdict"]["checks"]}
    assert told["verdict"]["holds"], holds


def test_the_figures_are_what_is_stored_and_the_system_is_verified(system: System) -> None:
    ran = system.run("onhand.cli", "demo", "--seconds", "12", "--rate", "15", "--seed", "7", "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    check(system, told)
    assert told["fulfilled"] > 0
    assert told["backordered"] > 0, "shelves run out, and orders wait"
    assert told["verdict"]["checks"][0]["checked"] >= told["orders"]


def test_ctrl_c_ends_it_early_with_the_summary_and_the_verdict(system: System) -> None:
    before = len(read(system, "orders", "SELECT FROM orders"))
    demo = system.spawn("onhand.cli.__main__", "demo", "--seconds", "600", "--rate", "15", "--json")
    eventually(lambda: len(read(system, "orders", "SELECT FROM orders")) > before + 5)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=60) == 0
    told = json.loads(system.log("onhand.cli.__main__").splitlines()[-1])
    assert told["seconds"] < 300
    check(system, told)
