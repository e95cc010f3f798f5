"""A real gateway answers as its OpenAPI document says: its own examples, and whatever can be made up from it."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
import schemathesis.openapi
from schemathesis.checks import not_a_server_error

from onhand.gateway.openapi import EVENT_DATA
from tests.e2e.conftest import StartSystem
from tests.e2e.shop import new_id, place
from tests.e2e.system import System
from tests.e2e.waiting import eventually
from tests.fuzz.run import ENDLESS, run_schemathesis

STEPS = [
    ("PUT", "/locations/{locationId}"),
    ("GET", "/locations"),
    ("PUT", "/products/{productId}"),
    ("GET", "/products/{productId}"),
    ("GET", "/products"),
    ("PUT", "/stock/{productId}"),
    ("GET", "/stock/{productId}"),
    ("GET", "/stock"),
    ("PUT", "/stock/batch"),
    ("GET", "/stock/batch"),
    ("POST", "/stock/batch"),
    ("POST", "/stock/{productId}/movements"),
    ("POST", "/stock/{productId}/incoming"),
    ("PUT", "/stock/{productId}/incoming/{incomingId}"),
    ("GET", "/stock/{productId}/incoming/{incomingId}"),
    ("GET", "/incoming"),
    ("GET", "/stock/{productId}/explain"),
    ("POST", "/reservations"),
    ("GET", "/reservations/{reservationId}"),
    ("POST", "/reservations/{reservationId}/extend"),
    ("DELETE", "/reservations/{reservationId}"),
    ("POST", "/orders"),
    ("GET", "/orders/{orderId}"),
    ("GET", "/orders"),
    ("GET", "/orders/{orderId}/events"),
    ("POST", "/orders/{orderId}/fulfilments"),
    ("POST", "/orders/{orderId}/returns"),
    ("POST", "/orders"),
    ("POST", "/orders/{orderId}/cancel"),
    ("POST", "/orders/batch"),
]
"""Every operation; each makes what the next ones are about."""


def test_the_examples_of_the_document_work_one_after_the_other_as_it_says(system: System) -> None:
    document: Any = schemathesis.openapi.from_url(f"{system.url('gateway')}/api/gateway/openapi.json")
    known = {"productId": "123", "locationId": "main"}
    tried = set()
    for method, path in STEPS:
        operation = document[f"/api/gateway{path}"][method]
        body = operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
        case = operation.Case(
            path_parameters={name: value for name, value in known.items() if f"{{{name}}}" in path},
            **({"body": body["example"], "media_type": "application/json"} if body else {}),
        )
        answer = case.call()
        case.validate_response(answer)
        assert answer.status_code < 300, (method, path, answer.text)
        made = answer.json()
        known |= {name: made[name] for name in ("orderId", "reservationId", "incomingId") if name in made}
        tried.add((method, path))
        if (method, path) == ("POST", "/orders"):
            eventually(partial(_is_confirmed, system, made["orderId"]))
    described = {
        (method.upper(), path.removeprefix("/api/gateway"))
        for path, methods in document.raw_schema["paths"].items()
        for method in methods
    }
    assert tried == described - {("GET", ENDLESS.removeprefix("/api/gateway"))}


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({}, {"Last-Event-ID": "nonsense"}, 400),
        ({}, {"X-Actor": ""}, 400),
        ({}, {"Accept": "application/json"}, 406),
        ({"customerId": ""}, {}, 422),
        ({"who": "cust-456"}, {}, 422),
    ],
)
def test_a_stream_of_events_that_cannot_be_is_answered_as_the_document_says(
    system: System, query: dict[str, str], headers: dict[str, str], status: int
) -> None:
    document: Any = schemathesis.openapi.from_url(f"{system.url('gateway')}/api/gateway/openapi.json")
    answer = document[ENDLESS]["GET"].Case(query=query, headers=headers).call_and_validate()
    assert answer.status_code == status


def test_a_stream_of_events_too_many_is_answered_as_the_document_says(start_system: StartSystem) -> None:
    system = start_system(MAX_LISTENERS="0")
    document: Any = schemathesis.openapi.from_url(f"{system.url('gateway')}/api/gateway/openapi.json")
    answer = document[ENDLESS]["GET"].Case().call_and_validate(excluded_checks=[not_a_server_error])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, ["1"])


@pytest.mark.parametrize("path", [ENDLESS, "/api/gateway/orders/{orderId}/events"])
def test_a_stream_of_events_is_what_the_document_says_from_its_first_event_on(system: System, path: str) -> None:
    document = system.client.get("/api/gateway/openapi.json").json()
    described = document["paths"][path]["get"]["responses"]["200"]["content"]["text/event-stream"]
    schema = described[EVENT_DATA] | {"components": document["components"]}
    before = place(system, {new_id(): 1})
    stream = {"Accept": "text/event-stream"}
    with system.client.stream("GET", path.format(orderId=before), headers=stream, timeout=20) as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000"
        place(system, {new_id(): 1})  # it has begun, so one that listens to everything is told
        name = next(it for it in lines if it.startswith("id: ")).removeprefix("id: ")
        event = json.loads(next(it for it in lines if it.startswith("data: ")).removeprefix("data: "))
    assert name
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(event)


def test_a_list_for_a_location_that_is_not_there_is_answered_as_the_document_says(system: System) -> None:
    document: Any = schemathesis.openapi.from_url(f"{system.url('gateway')}/api/gateway/openapi.json")
    answer = document["/api/gateway/stock"]["GET"].Case(query={"locationId": "nowhere"}).call_and_validate()
    assert answer.status_code == 404


@pytest.mark.timeout(300)
def test_whatever_is_made_up_from_the_document_is_answered_as_it_says_and_never_by_a_failure(
    start_system: StartSystem, tmp_path: Path
) -> None:
    system = start_system()  # afterwards there are as many locations as there may be, and none is what it was
    verdict = run_schemathesis(system.url("gateway"), tmp_path, "--generation-deterministic", "-n", "5")
    assert verdict.is_clean, verdict.report
    assert verdict.cases > 1000


def _is_confirmed(system: System, order_id: str) -> bool:
    return bool(system.client.get(f"/api/gateway/orders/{order_id}").json()["status"] == "confirmed")
