"""Batches: each item is asked for as it would be alone, and a wrong one is told in its place."""

from typing import Any
from uuid import uuid5

import pytest

from answering import TEA, Answering, send
from onhand.common.contracts import AdjustStock, CreateOrder, ReceiveStock, RequestRefused, SetStock
from onhand.common.errors import NoReply
from onhand.gateway.headers import NAMESPACE

REFUSED = RequestRefused(code="order-state", detail="No.")
ORDER = {"customerId": "c", "productId": "tea", "quantity": 5}


def asked(answering: Answering, kind: type[Any]) -> list[Any]:
    return [message for message in answering.asked if isinstance(message, kind)]


async def test_an_order_in_a_batch_is_asked_for_as_one_alone() -> None:
    answering = Answering(REFUSED)
    await send(answering, "POST", "/orders", ORDER)
    await send(answering, "POST", "/orders/batch", {"orders": [ORDER]})
    alone, batched = asked(answering, CreateOrder)
    assert (batched.customer_id, batched.lines, batched.as_product) == (alone.customer_id, alone.lines, True)


async def test_a_wrong_order_is_told_in_its_place_and_the_others_are_asked_for() -> None:
    answering = Answering(REFUSED)
    orders = [ORDER, "no", {"customerId": "c", "lines": [TEA, {}]}, ORDER | {"quantity": 0, "more": 1}, ORDER]
    answer = await send(answering, "POST", "/orders/batch", {"orders": orders})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [it["status"] for it in results] == [409, 422, 422, 422, 409]
    assert [[error["pointer"] for error in it["problem"].get("errors", [])] for it in results] == [
        [],
        ["/orders/1"],
        ["/orders/2/lines/1/productId", "/orders/2/lines/1/quantity"],
        ["/orders/3/quantity", "/orders/3/more"],
        [],
    ]
    assert len(answering.asked) == 2


@pytest.mark.parametrize("path", ["/orders/batch", "/stock/batch"])
@pytest.mark.parametrize(("count", "word"), [(0, "must not be empty"), (1001, "must have at most 1000 items")])
async def test_a_batch_has_one_to_a_thousand_items(path: str, count: int, word: str) -> None:
    answering = Answering(REFUSED)
    field = "orders" if path == "/orders/batch" else "items"
    answer = await send(answering, "POST", path, {field: [ORDER] * count})
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"detail": word, "pointer": f"/{field}"}])
    assert not answering.asked


@pytest.mark.parametrize("body", [{}, [], {"orders": {}}, {"orders": [ORDER], "more": 1}, {"orders": None}])
async def test_what_is_no_batch_is_refused(body: object) -> None:
    answering = Answering(REFUSED)
    assert (await send(answering, "POST", "/orders/batch", body)).status_code == 422
    assert not answering.asked


async def test_a_batch_may_be_larger_than_other_bodies_but_not_without_end() -> None:
    answering = Answering(REFUSED)
    large = ORDER | {"metadata": {str(number): "a" * 500 for number in range(20)}}
    answer = await send(answering, "POST", "/orders/batch", {"orders": [large] * 500})
    assert (answer.status_code, len(answering.asked)) == (200, 500)
    assert (await send(answering, "POST", "/orders/batch", {"orders": [large] * 1000})).status_code == 413


async def test_the_same_key_gives_each_item_the_same_key_of_its_own_again() -> None:
    answering = Answering(REFUSED)
    batch = {"orders": [ORDER, ORDER, ORDER | {"idempotencyKey": "mine"}]}
    for key in ("k" * 255, "k" * 255, "other"):
        await send(answering, "POST", "/orders/batch", batch, idempotency_key=key)
    keys = [it.idempotency_key for it in asked(answering, CreateOrder)]
    assert keys[:3] == keys[3:6]
    assert len(set(keys)) == 5  # two of each batch, and one that is the order's own
    assert keys[2] == keys[8] == "mine"
    assert "k" * 255 not in keys  # a request of its own under that key is another one
    assert keys[1] == str(uuid5(NAMESPACE, "batch\n1\n" + "k" * 255))  # for ever: who sends it later gets the same


@pytest.mark.parametrize("key", ["", "a" * 256, "ü", "a\n"])
async def test_a_key_of_an_item_that_no_header_could_have_is_refused(key: str) -> None:
    answer = await send(Answering(REFUSED), "POST", "/orders/batch", {"orders": [ORDER | {"idempotencyKey": key}]})
    (result,) = answer.json()["results"]
    assert [it["pointer"] for it in result["problem"]["errors"]] == ["/orders/0/idempotencyKey"]


async def test_no_reply_is_told_of_each_item_with_its_id() -> None:
    answering = Answering(NoReply("no reply within 5 s"))
    answer = await send(answering, "POST", "/orders/batch", {"orders": [ORDER, ORDER]})
    results = answer.json()["results"]
    assert [it["status"] for it in results] == [504, 504]
    assert [it["problem"]["orderId"] for it in results] == [str(it.order_id) for it in asked(answering, CreateOrder)]


async def test_stock_is_set_received_and_adjusted_in_one_batch() -> None:
    answering = Answering(REFUSED)
    items = [
        {"type": "set", "productId": "tea", "onHand": 3},
        {"type": "receive", "productId": "jam", "quantity": 4, "reference": "r"},
        {"type": "adjust", "productId": "tea", "quantity": -1, "locationId": "shop"},
        {"type": "count", "productId": "tea", "onHand": 3},
        {"type": "set", "onHand": -1},
        {"type": "adjust", "productId": "tea", "quantity": 0},
    ]
    answer = await send(answering, "POST", "/stock/batch", {"items": items}, idempotency_key="k")
    results = answer.json()["results"]
    assert [it["status"] for it in results] == [409, 409, 409, 422, 422, 422]
    assert [error["pointer"] for error in results[3]["problem"]["errors"]] == ["/items/3/type"]
    assert [error["pointer"] for error in results[4]["problem"]["errors"]] == ["/items/4/productId", "/items/4/onHand"]
    assert [error["pointer"] for error in results[5]["problem"]["errors"]] == ["/items/5/quantity"]
    set_stock, received, adjusted = answering.asked
    assert isinstance(set_stock, SetStock)
    assert isinstance(received, ReceiveStock)
    assert isinstance(adjusted, AdjustStock)
    assert (set_stock.product_id, set_stock.on_hand) == ("tea", 3)
    assert (received.quantity, received.reference) == (4, "r")
    assert (adjusted.quantity, adjusted.location_id) == (-1, "shop")
    await send(answering, "POST", "/stock/batch", {"items": items}, idempotency_key="k")
    assert answering.asked[3:] == [set_stock, received, adjusted]


async def test_a_product_may_be_called_batch() -> None:
    answering = Answering(REFUSED)
    await send(answering, "GET", "/stock/batch")
    await send(answering, "PUT", "/stock/batch", {"onHand": 1})
    assert [getattr(it, "product_id", None) for it in answering.asked] == ["batch", "batch"]
