"""Messages on the wire stay as they are: other services, and streams with old entries, depend on every byte.

When a test here fails, the contract changed. If old readers still understand it, change the golden file by hand; if
not, it is a new version of the type.
"""

import json
from pathlib import Path

import msgspec
import pytest

from onhand.common.contracts import CONTRACTS, Command, CreateOrder, Event, Message, Query
from onhand.common.messaging.bundles import bundle, part_of, parts_of
from onhand.common.messaging.envelope import decode, encode, read_as
from onhand.common.messaging.versions import versions_of
from tests.contracts.examples import EXAMPLES

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


def compact(document: bytes) -> bytes:
    return json.dumps(json.loads(document), separators=(",", ":")).encode()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.TYPE)
def test_a_message_is_written_as_its_golden_file_says(example: Message) -> None:
    assert msgspec.json.encode(example) == compact(golden(example.TYPE))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.TYPE)
def test_a_golden_file_is_read_as_the_message_it_was(example: Message) -> None:
    assert msgspec.json.decode(golden(example.TYPE), type=type(example)) == example


def test_the_envelope_is_written_and_read_as_its_golden_file_says() -> None:
    envelope = decode(compact(golden("envelope")))
    assert encode(envelope) == compact(golden("envelope"))
    (example,) = (it for it in EXAMPLES if envelope.type == it.TYPE)
    assert read_as(type(example), envelope) == example


def test_a_bundle_is_read_and_its_parts_are_written_as_their_golden_files_say() -> None:
    parts = parts_of(decode(compact(golden("bundle"))))
    assert [encode(part) for part in parts] == [compact(golden("envelope-of-a-part"))]
    bundled = bundle(
        [part_of(read_as(CreateOrder, part)) for part in parts], source="/", replyto="", traceparent="", actor=""
    )
    assert bytes(bundled.data) == json.dumps(json.loads(golden("bundle"))["data"], separators=(",", ":")).encode()


def test_every_contract_has_an_example_and_a_golden_file_and_nothing_else_has() -> None:
    assert [type(example) for example in EXAMPLES] == list(CONTRACTS)
    read = {version.TYPE for contract in CONTRACTS for version in versions_of(contract)}
    assert {path.stem for path in GOLDEN.iterdir()} == read | {"envelope", "bundle", "envelope-of-a-part"}


def test_every_type_is_named_once_and_by_its_owner() -> None:
    types = [contract.TYPE for contract in CONTRACTS]
    assert len(types) == len(set(types))
    for contract in CONTRACTS:
        if issubclass(contract, Command | Query | Event):
            assert contract.TYPE.partition(".")[0] == contract.TOPIC.partition(".")[0]
