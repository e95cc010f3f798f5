"""What schemathesis does not know: that one path goes before another, and that a batch is answered item by item."""

import json
from collections.abc import Sequence
from typing import Any

import jsonschema_rs
import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection

_ITEMS = {"/api/gateway/orders/batch": "orders", "/api/gateway/stock/batch": "items"}
"""The field that the items of a batch are in, by the path where batches are taken."""


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Do not take `/stock/batch` for `/stock/{productId}`: the document describes it on its own, with more methods.

    A path without parameters goes before one with them (OpenAPI 3.1.1, 4.8.8).
    """
    is_one_product = case.operation.path == "/api/gateway/stock/{productId}"
    return not is_one_product or case.path_parameters.get("productId") != "batch"


@schemathesis.check
def wrong_data_is_refused(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> bool | None:
    """What the document forbids is refused: an item of a batch in its place, everything else as a whole.

    It stands in for schemathesis' own check, which only knows the status of the whole answer.
    """
    is_batch = case.method == "POST" and case.operation.path in _ITEMS
    if is_batch and response.status_code == 200 and (wrong := _wrong_items(response, case)):
        results = response.json()["results"]
        accepted = [item for number, item in wrong if not 400 <= results[number]["status"] < 500]
        assert not accepted, f"items that the document forbids were accepted: {accepted}"
        return None
    return negative_data_rejection(ctx, response, case)


@schemathesis.check
def no_item_fails(_: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]) -> None:
    """No item of a batch is answered with a 5xx, and each is answered."""
    if case.method == "POST" and case.operation.path in _ITEMS and response.status_code == 200:
        results = response.json()["results"]
        assert len(results) == len(_items_sent(response, case))
        failed = [it for it in results if it["status"] >= 500]
        assert not failed, f"items failed: {failed}"


def _wrong_items(response: schemathesis.Response, case: schemathesis.Case[Any]) -> list[tuple[int, Any]]:
    """The items of a batch that the document forbids, with their places."""
    document = case.operation.schema.raw_schema
    schema = document["paths"][case.operation.path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    field = _ITEMS[case.operation.path]
    batch = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    items = batch["properties"][field]["items"]
    item = jsonschema_rs.validator_for({**items, "components": document["components"]}, validate_formats=True)
    return [(number, it) for number, it in enumerate(_items_sent(response, case)) if not item.is_valid(it)]


def _items_sent(response: schemathesis.Response, case: schemathesis.Case[Any]) -> Sequence[Any]:
    body = response.request.body
    assert isinstance(body, str | bytes)
    items: Sequence[Any] = json.loads(body)[_ITEMS[case.operation.path]]
    return items
