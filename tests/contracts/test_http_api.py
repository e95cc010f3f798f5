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
        (lambda it: it["paths"][_ORDERS]["post"]["parameters"].pop(), "header parameter Idempotency-Key is gone"),
        (lambda it: it["paths"][_ORDERS]["post"]["responses"].pop("201"), "no longer answers 201"),
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
    ],
)
def test_a_change_that_breaks_no_client_is_not_told(change: Change) -> None:
    before = http_api()
    now = deepcopy(before)
    change(now)
    assert not list(broken_clients(before, now))
