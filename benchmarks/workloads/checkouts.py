"""Checkouts: orders of several products out of a large catalogue.

The carts are those of the published settings of Online Marketplace (R. Laigner, Z. Zhang, Y. Liu, L. F. Gomes and
Y. Zhou, "Online Marketplace: A Benchmark for Data Management in Microservices", Proc. ACM Manag. Data 3(1), article 3,
SIGMOD 2025, https://doi.org/10.1145/3709653): 100,000 products, up to ten in a cart, one to ten units of each, products
chosen uniformly or by Zipf's law. Its carts, prices, payments, shipments and dashboards are no part of this: it is no
run of that benchmark, and its figures are not to be compared with those of others.
"""

from contextlib import AsyncExitStack

from benchmarks.basket import Basket
from benchmarks.ledger import connect_reader
from benchmarks.measure import run_round
from benchmarks.shelf import PLENTY, shelve
from benchmarks.target import Target
from benchmarks.volume import told, verify_target
from benchmarks.warm import warm
from benchmarks.workloads.carts import fill_carts, product_ids
from benchmarks.workloads.results import Result, conclude, sample_of
from benchmarks.workloads.scale import Say, Scale


async def checkouts(target: Target, scale: Scale, say: Say) -> Result:
    """Load a fresh system with checkouts, whose products are chosen uniformly and by Zipf's law in turn."""
    products = product_ids(scale.products)
    say(f"loading {len(products):,} products")
    await shelve(target.url, products)
    baskets = {"uniform": fill_carts(products, by_zipf=False), "zipf": fill_carts(products, by_zipf=True)}
    samples = []
    async with AsyncExitStack() as stack:
        ledgers, facts = {}, dict[str, str]()
        for case, basket in baskets.items():
            say(f"warming up, {case}")
            opened = warm(target, basket, max(scale.connections), scale.seconds)
            ledgers[case], facts = await stack.enter_async_context(opened)
        turns = scale.turns(list(baskets))
        for number, (case, connections) in enumerate(turns, start=1):
            say(f"round {number} of {len(turns)}, {case}, {connections} connections")
            done = await run_round(target, ledgers[case], connections, scale.seconds)
            samples.append(sample_of(case, "orders", done))
    say("verifying")
    broken = await find_missing(target, baskets["uniform"]) + told(await verify_target(target))
    checked = f"{len(products):,} products are on the shelf as they were put there; every answered order is stored"
    return conclude("checkouts", facts, samples, broken, checked)


async def find_missing(target: Target, basket: Basket) -> list[str]:
    """Look whether Inventory has the whole catalogue, each product with as many units as were put there."""
    inventory = await connect_reader("INVENTORY_DATABASE_URL", target.inventory_url)
    try:
        whole = await inventory.fetchval(
            "SELECT count(*) FROM stock_levels WHERE product_id = ANY($1) AND on_hand = $2",
            list(basket.products),
            PLENTY,
        )
    finally:
        await inventory.close()
    missing = len(basket.products) - whole
    return [f"{missing} of {len(basket.products)} products are not on the shelf as they were put there"] * bool(missing)
