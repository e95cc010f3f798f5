"""What is made from the contracts is up to date and hangs together, and a change that breaks somebody is told."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from onhand.common.contracts import CONTRACTS, CreateOrder, Event, OrderRejected
from onhand.common.messaging.janitor import READERS
from tests.contracts.__main__ import ROOT, stale
from tests.contracts.catalogue import describe_all, services
from tests.contracts.schemas import GOLDEN_SCHEMAS, breaking_changes, broken_by, shape_of


class Dispatched(Event, frozen=True):
    """Something left."""

    TYPE = "toys.dispatched.v3"
    TOPIC = "toys.events"
    SUBJECT = "thing"

    thing: str
    parcels: int


class DispatchedElsewhere(Event, frozen=True):
    """The same, changed as it must not be."""

    TYPE = "toys.dispatched.v3"
    TOPIC = "toys.outcomes"
    SUBJECT = "thing"

    thing: str
    weight: int


def test_what_is_made_from_the_contracts_is_up_to_date_and_breaks_nobody() -> None:
    assert not list(breaking_changes())
    assert not stale()


def test_a_change_that_breaks_somebody_is_told_with_the_way_out() -> None:
    sentences = list(broken_by(DispatchedElsewhere, shape_of(Dispatched)))
    stored = "what was stored or sent before would not be read as it was meant"
    readers = "who reads it as it was would not understand it"
    way_out = "Leave it, and make toys.dispatched.v4 beside it"
    assert sentences == [
        f"toys.dispatched.v3: its topic is toys.outcomes, was toys.events: {readers}. {way_out}",
        f"toys.dispatched.v3: $.parcels is removed: {stored}, and {readers}. {way_out}",
        f"toys.dispatched.v3: $.weight is new and required: {stored}. {way_out}",
    ]


def test_a_command_may_take_more_than_before_and_an_event_may_not_tell_more_kinds_of_things() -> None:
    for contract, is_broken in ((CreateOrder, False), (OrderRejected, True)):
        before = json.loads(json.dumps(shape_of(contract)).replace('"cancelled", ', "").replace('"backorder", ', ""))
        assert before != shape_of(contract)
        assert bool(list(broken_by(contract, before))) == is_broken


def test_a_version_that_is_no_longer_read_is_missed(tmp_path: Path) -> None:
    shutil.copy(GOLDEN_SCHEMAS / "orders.order-created.v1.json", tmp_path / "orders.order-eaten.v1.json")
    (sentence,) = breaking_changes(tmp_path)
    assert sentence.startswith(
        "orders.order-eaten.v1 is gone: what is stored of it could not be read. Keep it as an `Older`"
    )


def test_every_message_has_an_owner_and_every_request_somebody_who_takes_it() -> None:
    assert set(services()) == {"orders", "inventory"}
    described = describe_all()
    assert {it.contract for it in described} == set(CONTRACTS)
    for it in described:
        assert it.owner in {"orders", "inventory", "every service"}
        assert it.about.endswith(".")
        if it.kind in {"command", "query"}:
            assert it.consumers == (it.owner,)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    for reference in set(_references(document)):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda it: it.__name__)
def test_the_examples_of_the_asyncapi_document_are_what_they_are_examples_of(contract: type) -> None:
    document = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    for example in document["components"]["messages"][contract.__name__]["examples"]:
        assert msgspec.convert(example["payload"]["data"], contract)


def _references(node: Any) -> Iterator[str]:  # noqa: ANN401  # JSON
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def test_the_readers_of_each_topic_are_those_that_subscribe_to_it() -> None:
    takers = {(it.topic, consumer) for it in describe_all() for consumer in it.consumers}
    assert takers == set(READERS.items())
