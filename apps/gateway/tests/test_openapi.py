"""The OpenAPI document describes every route, and says what is really checked."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, cast

import falcon.inspect
import httpx
import msgspec
import pytest

from answering import Answering, send
from onhand.common.contracts import LocationList
from onhand.common.messaging.request_reply import Requests
from onhand.gateway.api import batches, create_app, shapes
from onhand.gateway.api.operations import OPERATIONS, PARAMETERS
from onhand.gateway.live.hub import Live
from onhand.gateway.openapi import API, EVENT_DATA, document

_ANSWERING = Answering(LocationList(about="locations", locations=()))
_OF_THE_DOCUMENT = {f"{API}/openapi.json", f"{API}/docs", f"{API}/docs/{{asset}}"}


@pytest.fixture(name="described", scope="module")
def _described() -> dict[str, Any]:
    return cast("dict[str, Any]", msgspec.json.decode(msgspec.json.encode(document(OPERATIONS, PARAMETERS))))


def test_every_route_is_described_and_nothing_else() -> None:
    app = create_app(cast("Requests", _ANSWERING), cast("Live", None))
    routes = {
        (method.method, route.path)
        for route in falcon.inspect.inspect_routes(app)
        for method in route.methods
        if not method.internal and route.path not in _OF_THE_DOCUMENT
    }
    assert routes == {(it.method, f"{API}{it.path}") for it in OPERATIONS}


def test_no_two_operations_have_the_same_name() -> None:
    assert len({it.name for it in OPERATIONS}) == len(OPERATIONS)


def test_the_examples_are_what_their_operation_takes() -> None:
    for it in OPERATIONS:
        assert (it.example is None) == (it.body is None), it.name
        if it.body is not None:
            assert msgspec.convert(it.example, it.body)


def test_schemas_have_plain_names_and_every_reference_leads_to_one(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert all(name.isalpha() for name in schemas)
    assert {it.removeprefix("#/components/schemas/") for it in _values_of(described, "$ref")} == set(schemas)


def test_the_document_has_the_fields_of_batches_that_are_really_read_and_told() -> None:
    for shown, real in (
        (shapes.OrderBatch, batches.OrderBatch),
        (shapes.StockBatch, batches.StockBatch),
        (shapes.OrderResult, batches.Result),
        (shapes.StockResult, batches.Result),
        (shapes.OrderResults, batches.Results),
        (shapes.StockResults, batches.Results),
    ):
        assert _fields_of(shown) == _fields_of(real), shown


def test_what_an_item_of_a_batch_is_and_becomes_is_described(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert schemas["OrderBatch"]["properties"]["orders"]["items"] == _reference("BatchOrder")
    order, alone = schemas["BatchOrder"], schemas["NewOrder"]
    assert order["properties"] == alone["properties"] | {"idempotencyKey": order["properties"]["idempotencyKey"]}
    assert (order["required"], order["oneOf"]) == (alone["required"], alone["oneOf"])
    kinds = {"set": "SetItem", "receive": "ReceiptItem", "adjust": "AdjustmentItem"}
    assert schemas["StockBatch"]["properties"]["items"]["items"] == {
        "anyOf": [_reference(name) for name in kinds.values()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {word: _reference(name)["$ref"] for word, name in kinds.items()},
        },
    }
    assert schemas["AdjustmentItem"]["not"] == schemas["Adjustment"]["not"]
    assert schemas["OrderResult"]["properties"]["body"] == _reference("OrderReceipt")
    bodies = schemas["StockResult"]["properties"]["body"]
    assert bodies == {"anyOf": [_reference("StockLevel"), _reference("MovementReceipt")]}


def test_what_the_data_of_an_event_is_is_described_wherever_events_are_told(described: dict[str, Any]) -> None:
    streams = [
        content["text/event-stream"]
        for methods in described["paths"].values()
        for operation in methods.values()
        for content in [operation["responses"].get("200", {}).get("content", {})]
        if "text/event-stream" in content
    ]
    assert len(streams) == 2
    for it in streams:
        assert it["schema"]["type"] == "string"
        assert "FeedEntry" in it["schema"]["description"]
        assert it[EVENT_DATA] == _reference("FeedEntry")
    assert "position" in described["components"]["schemas"]["FeedEntry"]["required"]


def test_patterns_are_those_of_javascript(described: dict[str, Any]) -> None:
    patterns = set(_values_of(described, "pattern"))
    assert patterns
    for it in patterns:
        assert it.startswith("^")
        assert it.endswith("$")
        assert not any(python in it for python in (r"\A", r"\Z", r"\ud800"))


def test_what_makes_something_links_to_all_that_can_be_done_with_it(described: dict[str, Any]) -> None:
    made = described["paths"][f"{API}/stock/{{productId}}/incoming"]["post"]["responses"]["201"]
    assert made["headers"]["Location"]["required"]
    assert made["links"] == {
        name: {
            "operationId": name,
            "parameters": {"productId": "$request.path.productId", "incomingId": "$response.body#/incomingId"},
        }
        for name in ("changeIncoming", "getIncoming")
    }
    ordered = described["paths"][f"{API}/orders"]["post"]["responses"]["201"]["links"]
    assert {"getOrder", "getOrderEvents", "cancelOrder", "fulfilOrder", "returnOrder"} <= set(ordered)


async def test_the_gateway_serves_the_document(described: dict[str, Any]) -> None:
    answer = await send(_ANSWERING, "GET", "/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == described


async def test_the_page_loads_only_what_the_gateway_serves_itself() -> None:
    page = await send(_ANSWERING, "GET", "/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    links = [it for it in _links(page.text) if not it.startswith("data:")]
    assert len(links) == 3
    for link in links:
        assert link.startswith(f"{API}/docs/")
        asset: httpx.Response = await send(_ANSWERING, "GET", link.removeprefix(API))
        assert asset.status_code == 200
        assert asset.content
        assert asset.headers["content-type"] == ("text/css" if link.endswith(".css") else "text/javascript")


@pytest.mark.parametrize("name", ["nothing.js", "..%2F__init__.py", "%2Fetc%2Fpasswd", "swagger-editor-bundle.js"])
async def test_the_page_has_no_other_files(name: str) -> None:
    answer = await send(_ANSWERING, "GET", f"/docs/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def _fields_of(kind: type[msgspec.Struct]) -> list[tuple[str, object]]:
    return [(it.encode_name, it.default) for it in msgspec.structs.fields(kind)]


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _values_of(node: Any, name: str) -> Iterator[str]:  # noqa: ANN401  # JSON
    if isinstance(node, dict):
        if isinstance(node.get(name), str):
            yield node[name]
        for value in node.values():
            yield from _values_of(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from _values_of(value, name)


def _links(page: str) -> list[str]:
    found: list[str] = []

    class Finder(HTMLParser):
        def handle_starttag(self, _: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value for name, value in attrs if name in ("src", "href") and value)

    Finder().feed(page)
    return found
