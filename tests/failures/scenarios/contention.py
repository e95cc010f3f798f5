"""Everybody wants the same."""

from collections import Counter
from functools import partial

from tests.e2e.databases import read
from tests.e2e.replicas import second_replicas
from tests.e2e.traffic import set_stock
from tests.e2e.waiting import eventually
from tests.failures.clients import Wish, act_together
from tests.failures.scenario import Run, Scenario

BUYERS = 500
WRITERS = 16
PRODUCTS = 8


def sell_the_last_unit(run: Run) -> None:
    """500 buyers want one unit at once, of two replicas of each service: exactly one gets it."""
    with second_replicas(run.system, "orders", "inventory"):
        for number in run.rounds():
            product = f"last-{number}"
            set_stock(run.system, product, 1)
            buyers = [[Wish(f"{product}-{buyer}", ((product, 1),))] for buyer in range(BUYERS)]
            act_together(run.system.url("gateway"), run.history, buyers)
            run.figures["buyers"] += BUYERS
            ends = eventually(partial(_ends, run, product))
            assert ends["confirmed"] == 1, ends


def write_in_opposite_orders(run: Run) -> None:
    """16 writers order the same products in opposite orders, all at once and one by one, without a deadlock."""
    with second_replicas(run.system, "orders", "inventory"):
        for number in run.rounds():
            products = [f"opposite-{number}-{place}" for place in range(PRODUCTS)]
            for product in products:
                set_stock(run.system, product, WRITERS)
            writers = [
                _wishes(run, f"opposite-{number}-writer-{writer}", products if writer % 2 else products[::-1])
                for writer in range(WRITERS)
            ]
            act_together(run.system.url("gateway"), run.history, writers)
            run.figures["orders of one product"] += WRITERS * PRODUCTS
            run.figures["orders of all products"] += WRITERS * PRODUCTS
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    for service in ("orders", "inventory"):
        count = read(run.system, service, deadlocks)[0]["deadlocks"]
        assert count == 0, f"{count} deadlocks in the database of {service}"


def _wishes(run: Run, writer: str, products: list[str]) -> list[Wish]:
    """By turns all products in one order, with a line for each in this sequence, and one in an order of its own."""
    lines = tuple((product, run.random.randint(1, 3)) for product in products)
    policy = run.random.choice(["all-or-nothing", "ship-available", "backorder"])
    wishes = []
    for place, line in enumerate(lines):
        wishes += [Wish(f"{writer}-all-{place}", lines, policy), Wish(f"{writer}-one-{place}", (line,))]
    return wishes


def _ends(run: Run, product: str) -> Counter[str] | None:
    """How many orders for a product ended how; None while one has not."""
    query = "SELECT status FROM orders WHERE lines -> 0 ->> 'productId' = $1"
    rows = read(run.system, "orders", query, product)
    ends = Counter(row["status"] for row in rows)
    return None if ends["pending"] else ends


LAST_UNIT = Scenario(number=9, name="last-unit", break_things=sell_the_last_unit)
OPPOSITE_ORDERS = Scenario(number=9, name="opposite-orders", break_things=write_in_opposite_orders)
