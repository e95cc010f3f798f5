"""A shop that is run from the command line."""

import json
from typing import Any

from typer.testing import CliRunner

from onhand.cli.main import app
from tests.e2e.scraping import metrics
from tests.e2e.shop import becomes, new_id, numbers
from tests.e2e.system import System
from tests.e2e.waiting import eventually


def onhand(system: System, *words: str, code: int = 0) -> Any:  # noqa: ANN401  # JSON
    """Run a command with `--json`, without a process of its own for each; returns what it printed."""
    ran = CliRunner().invoke(app, [*words, "--json", "--url", system.url("gateway")], env={"ONHAND_ACTOR": "Zoë"})
    assert ran.exit_code == code, ran.output
    return json.loads(ran.stdout)


def test_a_day_in_the_shop(system: System) -> None:
    tea, jam, shop = new_id("tea"), new_id("jam"), new_id("shop")
    onhand(system, "locations", "set", shop, "--priority", "1")
    assert shop in {it["locationId"] for it in onhand(system, "locations", "list")["locations"]}
    onhand(system, "products", "set", tea, "--name", "Tea", "--low-stock", "2")
    assert onhand(system, "products", "get", tea)["name"] == "Tea"

    onhand(system, "stock", "receive", tea, "20", "--location", shop, "--idempotency-key", "delivery 9")
    onhand(system, "stock", "receive", tea, "20", "--location", shop, "--idempotency-key", "delivery 9")
    onhand(system, "stock", "adjust", tea, "-2", "--location", shop, "--reason", "broken")
    onhand(system, "stock", "transfer", tea, "8", "--from", shop, "--to", "main")
    onhand(system, "stock", "count", jam, "1")
    assert (numbers(system, tea), numbers(system, jam)) == ((18, 0, 18), (1, 0, 1))

    held = onhand(system, "holds", "create", "--line", f"{tea}=3", "--ttl", "600")["reservationId"]
    onhand(system, "holds", "extend", held, "--ttl", "1200")
    assert onhand(system, "holds", "get", held)["state"] == "active"

    lines = ("--line", f"{tea}=3", "--line", f"{jam}=2")
    order = onhand(
        system, "orders", "create", "--customer", "c", *lines, "--policy", "backorder", "--reservation", held
    )
    becomes(system, order["orderId"], "backordered")
    onhand(system, "stock", "expect", jam, "5", "--at", "2026-12-01")
    eventually(lambda: "promisedAt" in onhand(system, "orders", "get", order["orderId"])["lines"][1])
    onhand(system, "stock", "set", jam, "5")
    becomes(system, order["orderId"], "confirmed")

    sent = onhand(system, "orders", "fulfil", order["orderId"], "--line", f"{tea}=2")
    assert sent["fulfilment"] == "partially-fulfilled"
    back = onhand(system, "orders", "return", order["orderId"], "--no-restock", "--reason", "stale")
    assert back["fulfilment"] == "partially-returned"
    refused = onhand(system, "orders", "cancel", order["orderId"], code=1)
    assert (refused["status"], refused["state"]) == (409, "partially-returned")
    events = onhand(system, "orders", "timeline", order["orderId"])["events"]
    assert {it["actor"] for it in events if it["source"] == "gateway"} == {"Zoë"}

    eventually(lambda: numbers(system, tea) == (16, 1, 15))
    told = onhand(system, "stock", "explain", tea, "--limit", "3")
    assert (told["movementCount"], len(told["movements"])) == (6, 3)
    other = onhand(system, "holds", "create", "--line", f"{tea}=1", "--ttl", "60")["reservationId"]
    assert onhand(system, "holds", "release", other)["state"] == "released"


def test_answers_are_shown_as_tables(system: System) -> None:
    product = new_id()
    system.run("onhand.cli", "stock", "set", product, "5")
    ran = system.run("onhand.cli", "stock", "get", product)
    assert ran.returncode == 0
    rows = [line.split() for line in ran.stdout.splitlines() if line]
    assert ["productId", product] in rows
    assert ["locationId", "onHand", "reserved", "available", "incoming", "safetyStock"] in rows
    assert ["main", "5", "0", "5", "0", "0"] in rows


def test_orders_are_watched_while_they_happen_and_waited_for(system: System) -> None:
    tea, customer = new_id("tea"), new_id("customer")
    onhand(system, "stock", "set", tea, "5")
    watching = system.spawn("onhand.cli", "orders", "watch", "--customer", customer, "--json", "--limit", "4")
    eventually(lambda: metrics(system, "gateway").sum("onhand_listeners"))
    order = ("orders", "create", "--product", tea, "--customer", customer, "--wait", "10", "--quantity")
    first = onhand(system, *order, "5")
    assert (first["status"], "reason" in first) == ("confirmed", False)
    system.kill("gateway")
    eventually(lambda: system.process("gateway") and system.is_ready())
    second = onhand(system, *order, "1")
    assert (second["status"], second["reason"]) == ("rejected", "insufficient-stock")

    assert watching.wait(timeout=30) == 0
    told = [json.loads(line) for line in system.log().splitlines() if line.startswith('{"version"')]
    assert [(it["orderId"], it["version"]) for it in told] == [
        (it["orderId"], version) for it in (first, second) for version in (1, 2)
    ]

    shown = system.run("onhand.cli", "orders", "watch", second["orderId"], "--limit", "2")
    assert [line.split()[1:] for line in shown.stdout.splitlines()] == [
        [second["orderId"], customer, "created", f"{tea}=1"],
        [second["orderId"], customer, "rejected", "insufficient-stock"],
    ]
    nobody = system.run("onhand.cli", "orders", "watch", "nonsense")
    assert (nobody.returncode, nobody.stderr) == (1, "onhand: There is no such order: order ids are UUIDs.\n")
