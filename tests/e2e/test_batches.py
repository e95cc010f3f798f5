"""Batches: an answer for each item, nothing done twice, and no item sinks another."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.bulk import batch_order, change_all, place_all
from tests.e2e.shop import becomes, done, new_id, numbers, post
from tests.e2e.system import System
from tests.e2e.traffic import set_stock, stock
from tests.e2e.waiting import eventually

MOST = 1000
AT_ONCE = 200


def test_a_thousand_orders_are_told_in_the_order_in_which_they_were_sent(system: System) -> None:
    product = new_id()
    set_stock(system, product, 10_000)
    orders = [batch_order(product, 1 + number % 7, reference=str(number)) for number in range(MOST)]
    results = place_all(system, orders)
    assert Counter(it["status"] for it in results) == {201: MOST}
    assert [it["body"]["quantity"] for it in results] == [it["quantity"] for it in orders]
    assert len({it["body"]["orderId"] for it in results}) == MOST
    for number in (0, 500, MOST - 1):
        told = becomes(system, results[number]["body"]["orderId"], "confirmed")
        assert told["reference"] == str(number)
    units = sum(it["quantity"] for it in orders)
    eventually(lambda: numbers(system, product) == (10_000, units, 10_000 - units))


def test_a_batch_that_is_sent_two_hundred_times_at_once_is_done_once(system: System) -> None:
    product, key = new_id(), new_id("key")
    set_stock(system, product, 100)
    orders = [batch_order(product, 2), batch_order(product, 3), batch_order(product, 0)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: place_all(system, orders, key), range(AT_ONCE)))
    for number in range(2):
        told = [it[number] for it in answers]
        assert {it["status"] for it in told} == {201}
        assert len({it["body"]["orderId"] for it in told}) == 1
        assert Counter("replayed" in it for it in told) == {False: 1, True: AT_ONCE - 1}
    assert {it[2]["status"] for it in answers} == {422}
    eventually(lambda: numbers(system, product) == (100, 5, 95))


def test_a_batch_may_be_mended_and_sent_again_under_its_key(system: System) -> None:
    product, key = new_id(), new_id("key")
    set_stock(system, product, 100)
    first = place_all(system, [batch_order(product, 2), batch_order(product, 0), batch_order(product, 4)], key)
    assert [it["status"] for it in first] == [201, 422, 201]
    again = place_all(system, [batch_order(product, 2), batch_order(product, 3), batch_order(product, 5)], key)
    assert [it["status"] for it in again] == [201, 201, 422]
    assert [it.get("replayed", False) for it in again] == [True, False, False]
    assert again[2]["problem"]["type"] == "urn:onhand:problem:idempotency-key-reused"
    eventually(lambda: numbers(system, product) == (100, 9, 91))


def test_an_order_with_a_key_of_its_own_is_the_one_that_has_it_alone(system: System) -> None:
    product, key = new_id(), new_id("key")
    set_stock(system, product, 10)
    alone = done(post(system, "orders", batch_order(product), key=key))
    batched = place_all(system, [batch_order(product, idempotencyKey=key)] * 2)
    assert [(it["body"]["orderId"], it["replayed"]) for it in batched] == [(alone["orderId"], True)] * 2


def test_changes_of_stock_are_done_once_and_wrong_ones_sink_no_others(system: System) -> None:
    tea, jam, unknown, key = new_id(), new_id(), new_id(), new_id("key")
    set_stock(system, jam, 10)
    items = [
        {"type": "set", "productId": tea, "onHand": 5},
        {"type": "receive", "productId": jam, "quantity": 4},
        {"type": "adjust", "productId": unknown, "quantity": -1},
        {"type": "set", "productId": tea, "onHand": -5},
    ]
    first = change_all(system, items, key)
    assert [it["status"] for it in first] == [200, 201, 404, 422]
    set_stock(system, tea, 7)
    again = change_all(system, items, key)
    assert [it["status"] for it in again] == [200, 201, 404, 422]
    assert ["replayed" in it for it in (*first[:2], *again[:2])] == [False, False, True, True]
    assert (again[0]["body"]["onHand"], again[1]["body"]) == (7, first[1]["body"])
    assert (stock(system, tea)["onHand"], stock(system, jam)["onHand"]) == (7, 14)


def test_a_thousand_products_are_set_in_one_request(system: System) -> None:
    products = [new_id() for _ in range(MOST)]
    items = [{"type": "set", "productId": it, "onHand": number} for number, it in enumerate(products)]
    results = change_all(system, items)
    assert [(it["status"], it["body"]["onHand"]) for it in results] == [(200, number) for number in range(MOST)]
