import msgspec

from benchmarks.basket import ONE_PRODUCT, fill_basket


def test_orders_for_one_product_are_always_the_same() -> None:
    assert fill_basket(1) == ONE_PRODUCT
    assert len(ONE_PRODUCT.bodies) == 1


def test_orders_of_several_lines_differ_and_come_again_the_same_each_time() -> None:
    basket = fill_basket(10)
    orders = [msgspec.json.decode(body) for body in basket.bodies]
    assert {len({line["productId"] for line in order["lines"]}) for order in orders} == {10}
    assert {line["productId"] for order in orders for line in order["lines"]} <= set(basket.products)
    assert len(set(basket.bodies)) > 900
    assert fill_basket(10) == basket
