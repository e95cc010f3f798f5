"""Forged entries: each round has some of all that nobody can read, and each is what the figures call it."""

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from onhand.common.messaging.envelope import decode
from tests.failures.forged import forgeries
from tests.failures.load import seeded

MANY_BYTES = 1_000_000


@pytest.mark.parametrize("seed", range(5))
def test_however_few_there_are_there_is_garbage_and_something_truncated_and_something_oversized(seed: int) -> None:
    kinds = Counter(forgery.kind for forgery in forgeries(seeded(seed, "forgery"), 3))
    assert kinds == {"garbage": 1, "truncated": 1, "oversized": 1}


def test_all_others_come_besides() -> None:
    kinds = Counter(forgery.kind for forgery in forgeries(seeded(1, "forgery"), 1000))
    assert kinds.keys() == {"garbage", "truncated", "oversized", "wrong", "unknown", "untrue"}


def test_what_is_garbage_truncated_or_oversized_is_no_envelope() -> None:
    payloads = list(_payloads("garbage", "truncated", "oversized"))
    assert payloads
    for payload in payloads:
        with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError, RecursionError)):
            decode(payload)


def test_what_is_truncated_begins_as_an_envelope_and_what_is_oversized_is_long() -> None:
    assert all(payload.startswith(b"{") and len(payload) < MANY_BYTES for payload in _payloads("truncated"))
    assert all(len(payload) > MANY_BYTES for payload in _payloads("oversized"))


def test_what_is_unknown_or_untrue_is_an_envelope() -> None:
    sources = {decode(payload).source for payload in _payloads("unknown", "untrue")}
    assert sources == {"/forger"}


def _payloads(*kinds: str) -> Iterator[bytes]:
    """Of all entries of these kinds that have the field of an envelope."""
    for forgery in forgeries(seeded(1, "forgery"), 1000):
        if forgery.kind in kinds and "event" in forgery.fields:
            yield forgery.fields["event"]
