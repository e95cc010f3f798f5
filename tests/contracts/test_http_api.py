"""A change of the HTTP interface that breaks clients is told, with the way out; one that breaks nobody is not."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.contracts.http_api import breaking_api_changes, broken_clients, http_api

_ORDERS = "/api/gateway/orders"
Change = Callable[[dict[str, Any]], object]


def _schema(document: dict[str, Any], name: str) -> Any:  # noqa: ANN401  # JSON
    return document["components"]["schemas"][name]


def _post(document: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
    return document["paths"][_ORDERS]["post"]


def _parameter(document: dict[str, Any], name: str) -> Any:  # noqa: ANN401  # JSON
    return next(it for it in _post(document)["parameters"] if it["name"] == name)


def _answers(document: dict[str, Any], method: str = "post") -> Any:  # noqa: ANN401  # JSON
    return document["paths"][_ORDERS][method]["responses"]


def _headers(document: dict[str, Any], status: str, method: str = "post") -> Any:  # noqa: ANN401  # JSON
    return _answers(document, method)[status]["headers"]


def _batch_items(document: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
    return _schema(document, "StockBatch")["properties"]["items"]["items"]["anyOf"]


def test_nothing_is_broken_since_the_document_was_written() -> None:
    assert not list(breaking_api_changes())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda it: it["paths"].pop("/api/gateway/locations"), "GET /api/gateway/locations is gone"),
        (lambda it: _schema(it, "NewOrder")["required"].append("reference"), "$.reference is required, and might be"),
        (lambda it: _schema(it, "NewOrder")["properties"].pop("metadata"), "$.metadata is removed"),
        (lambda it: _schema(it, "OrderReceipt")["properties"].pop("quantity"), ".quantity is removed"),
        (lambda it: _schema(it, "OrderDetails")["properties"]["status"]["enum"].append("lost"), "also be 'lost'"),
        (lambda it: _post(it)["parameters"].pop(), "header parameter Idempotency-Key is gone"),
        (lambda it: _parameter(it, "Prefer").update(required=True), "Prefer is required, and might be absent"),
        (lambda it: _post(it).pop("requestBody"), "body is no longer application/json"),
        (lambda it: _schema(it, "NewOrder")["oneOf"].pop(), "body $ has another rule oneOf"),
        (lambda it: _batch_items(it).pop(0), "body $.items[] may no longer be of the type 'set'"),
        (lambda it: _schema(it, "BatchOrder")["properties"].pop("idempotencyKey"), ".idempotencyKey is removed"),
        (lambda it: _schema(it, "OrderResult")["properties"].pop("body"), "200 $.results[].body is removed"),
        (lambda it: _schema(it, "FeedEntry")["properties"].pop("position"), "200 data of events $.position is removed"),
        (lambda it: _answers(it).pop("201"), "no longer answers 201"),
        (lambda it: _answers(it).update({"202": {}}), "may now answer 202"),
        (lambda it: _answers(it)["409"].pop("content"), "409 is no longer application/problem+json"),
        (lambda it: _schema(it, "ProblemDetails")["properties"].pop("errors"), "errors is removed"),
        (lambda it: _schema(it, "ProblemDetails")["properties"].pop("state"), "state is removed"),
        (lambda it: _schema(it, "ProblemDetails")["properties"].pop("orderId"), "orderId is removed"),
        (lambda it: _schema(it, "ProblemDetails")["required"].remove("detail"), "detail may be absent"),
        (lambda it: _schema(it, "Violation")["properties"].pop("pointer"), "errors[].pointer is removed"),
        (lambda it: _headers(it, "201").pop("Location"), "201 has the header Location no more"),
        (lambda it: _headers(it, "201")["Location"].pop("required"), "201 may be without the header Location"),
        (lambda it: _headers(it, "201").pop("Preference-Applied"), "201 has the header Preference-Applied no more"),
        (lambda it: _headers(it, "201").pop("Idempotent-Replayed"), "201 has the header Idempotent-Replayed no more"),
        (lambda it: _headers(it, "503").pop("Retry-After"), "503 has the header Retry-After no more"),
        (lambda it: _headers(it, "200", "get").pop("Link"), "200 has the header Link no more"),
        (lambda it: _headers(it, "201")["Idempotent-Replayed"]["schema"]["enum"].append("no"), "may now also be 'no'"),
    ],
)
def test_a_change_that_breaks_clients_is_told(change: Change, told: str) -> None:
    before = http_api()
    now = deepcopy(before)
    change(now)
    sentences = list(broken_clients(before, now))
    assert sentences
    assert all(told in it and it.endswith("beside it") for it in sentences), sentences


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["paths"].update({"/api/gateway/more": {}}),
        lambda it: _schema(it, "NewOrder")["properties"].update({"gift": {"type": "boolean"}}),
        lambda it: _schema(it, "NewOrder")["properties"]["policy"]["enum"].append("whatever"),
        lambda it: _schema(it, "OrderReceipt")["properties"].update({"more": {"type": "string"}}),
        lambda it: _schema(it, "ProblemDetails")["properties"].update({"more": {"type": "string"}}),
        lambda it: _schema(it, "NewOrder").pop("oneOf"),
        lambda it: _batch_items(it).insert(0, {"properties": {"type": {"enum": ["count"]}}}),
        lambda it: _answers(it).pop("409"),
        lambda it: _answers(it).update({"429": {}}),
        lambda it: _headers(it, "201").update({"ETag": {"schema": {"type": "string"}}}),
    ],
)
def test_a_change_that_breaks_no_client_is_not_told(change: Change) -> None:
    before = http_api()
    now = deepcopy(before)
    change(now)
    assert not list(broken_clients(before, now))


def test_what_is_broken_about_several_answers_of_a_route_is_told_once() -> None:
    before = http_api()
    now = deepcopy(before)
    _schema(now, "ProblemDetails")["properties"].pop("errors")
    told = [it for it in broken_clients(before, now) if it.startswith(f"POST {_ORDERS}: ")]
    assert [it.split("$")[0] for it in told] == [f"POST {_ORDERS}: 400, 409, 413, 415, 422, 500, 503, 504 "]
