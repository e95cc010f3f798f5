from collections import Counter

import msgspec
import pytest

from benchmarks.basket import Basket
from benchmarks.workloads.carts import MOST_LINES, MOST_UNITS, fill_carts, product_ids

PRODUCTS = product_ids(1000)


def orders_in(basket: Basket) -> list[dict[str, int]]:
    """Products and quantities of each."""
    bodies = [msgspec.json.decode(body) for body in basket.bodies]
    return [{line["productId"]: line["quantity"] for line in body["lines"]} for body in bodies]


@pytest.mark.parametrize("by_zipf", [True, False])
def test_each_number_of_lines_and_of_units_is_as_frequent_as_another_and_no_product_comes_twice(by_zipf: bool) -> None:
    basket = fill_carts(PRODUCTS, by_zipf=by_zipf)
    orders = orders_in(basket)
    lines = Counter(len(order) for order in orders)
    units = Counter(quantity for order in orders for quantity in order.values())
    assert [len(order) for order in orders] == [body.count("productId") for body in basket.bodies]
    assert lines.keys() == set(range(1, MOST_LINES + 1))
    assert units.keys() == set(range(1, MOST_UNITS + 1))
    assert max(lines.values()) < 1.2 * min(lines.values())
    assert max(units.values()) < 1.2 * min(units.values())


def test_uniformly_chosen_every_product_is_wanted_about_as_often_as_another() -> None:
    wanted = Counter(product for order in orders_in(fill_carts(PRODUCTS, by_zipf=False)) for product in order)
    assert wanted.keys() == set(PRODUCTS)
    assert max(wanted.values()) < 2 * min(wanted.values())


def test_by_zipf_the_tenth_product_is_wanted_a_tenth_as_often_as_the_first() -> None:
    # Of carts with one line: in larger ones a product that is there already cannot be chosen again.
    alone = [order for order in orders_in(fill_carts(PRODUCTS, by_zipf=True)) if len(order) == 1]
    (_, first), *_, (_, tenth) = Counter(product for order in alone for product in order).most_common(10)
    assert 7 < first / tenth < 13


def test_carts_are_the_same_each_time() -> None:
    assert fill_carts(PRODUCTS, by_zipf=True) == fill_carts(PRODUCTS, by_zipf=True)
