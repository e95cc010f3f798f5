"""`onhand demo`: what it tells is what the databases have."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from onhand.cli.demo.catalogue import Product
from onhand.cli.demo.figures import Figures
from onhand.cli.demo.requests import Requests
from onhand.cli.demo.shop import Shop
from onhand.cli.demo.shoppers import Visit
from tests.e2e.databases import read
from tests.e2e.shop import new_id
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


def goes_on(system: System) -> None:
    """Wait until ten more orders are stored."""
    before = len(read(system, "orders", "SELECT FROM orders"))
    eventually(lambda: len(read(system, "orders", "SELECT FROM orders")) >= before + 10)


def test_the_figures_are_what_is_stored_and_the_system_is_verified(system: System) -> None:
    ran = system.run("onhand.cli", "demo", "--seconds", "18", "--rate", "15", "--seed", "7", "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    check(system, told)
    assert told["fulfilled"] > 0
    assert told["backordered"] > 0, "shelves run out, and orders wait"
    assert told["verdict"]["checks"][0]["checked"] >= told["orders"]


def test_ctrl_c_ends_it_early_with_the_summary_and_the_verdict(system: System) -> None:
    demo = system.spawn("onhand.cli.__main__", "demo", "--seconds", "600", "--rate", "15", "--json")
    goes_on(system)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=60) == 0
    told = json.loads(system.log("onhand.cli.__main__").splitlines()[-1])
    assert told["seconds"] < 300
    check(system, told)


def test_a_killed_service_costs_the_demo_no_order(system: System) -> None:
    demo = system.spawn("onhand.cli.__main__", "demo", "--seconds", "8", "--rate", "15", "--json")
    for service in ("orders", "gateway"):
        goes_on(system)
        system.kill(service)
        eventually(system.is_ready)
    assert demo.wait(timeout=90) == 0, system.log("onhand.cli.__main__")
    told = json.loads(system.log("onhand.cli.__main__").splitlines()[-1])
    assert told["retried"] > 0
    check(system, told)


def test_the_system_is_verified_however_its_gateway_is_called(system: System) -> None:
    url = f"http://localhost:{system.ports['gateway']}/"
    ran = system.run("onhand.cli", "demo", "--seconds", "1", "--rate", "15", "--json", ONHAND_URL=url)
    assert ran.returncode == 0, ran.stderr
    check(system, json.loads(ran.stdout))


def in_a_shop_with_one_teapot(system: System, then: Callable[[Shop, Figures], Awaitable[None]]) -> Figures:
    """Let a shopper wait for three teapots where there is one, and then do something."""
    figures = Figures(new_id("demo"), seed=1)
    teapot = Product(f"{figures.tag}-01", "Teapot", full=1)
    visit = Visit(1, "Ada", f"{figures.tag}-ada", {teapot: 3}, "backorder", *[False] * 4)

    async def run() -> None:
        async with Requests(system.url("gateway"), figures) as requests:
            shop = Shop(requests, figures, [teapot])
            await shop.open()
            await shop.serve(visit)
            assert figures.counts["backordered"] == 1
            await then(shop, figures)

    asyncio.run(run())
    return figures


def test_who_still_waits_when_the_shop_closes_waits_no_longer(system: System) -> None:
    async def close(shop: Shop, _: Figures) -> None:
        await shop.close()

    figures = in_a_shop_with_one_teapot(system, close)
    assert stored(system, figures.tag) == {"cancelled": 1}
    assert figures.counts["cancelled"] == 1


def test_deliveries_fill_the_orders_that_wait(system: System) -> None:
    async def look_after_shelves(shop: Shop, figures: Figures) -> None:
        looking = asyncio.create_task(shop.look_after_shelves())
        async with asyncio.timeout(30):
            while not figures.counts["fulfilled"]:  # noqa: ASYNC110  # figures are to be looked at; nobody is told
                await asyncio.sleep(0.1)
        looking.cancel()

    figures = in_a_shop_with_one_teapot(system, look_after_shelves)
    assert stored(system, figures.tag) == {"confirmed": 1}
    assert (figures.counts["filled"], figures.counts["deliveries"]) == (1, 2)
