"""Headers that go along with a request: who wants it, under which key it may be repeated, and what it is part of."""

import re
from collections.abc import Iterable
from uuid import UUID, uuid5

import falcon.asgi
from msgspec import UNSET, Struct, UnsetType
from uuid_utils.compat import uuid7

from onhand.gateway.preferences import UnclearWait, wait_seconds
from onhand.gateway.problems import Problem

_OURS = frozenset({b"traceparent", b"x-actor", b"idempotency-key", b"prefer"})
_MAY_REPEAT = frozenset({b"traceparent", b"prefer"})
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# A string as RFC 9651 (3.3.3) has it, or a bare word, which could be neither a list nor an item with parameters.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BARE = re.compile(r"[!#-+\--:<-\[\]-~]+")
_POSITION = re.compile(r"[0-9]{1,19}-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]{1,9}")
_LONGEST_KEY = 255
_LONGEST_ACTOR = 128
NAMESPACE = UUID("6f1d2a0e-8b1c-5c0e-9d55-0b3f6c1a7e42")
"""Of the ids that are made from keys; with another one, a key that was used before would do its work once more."""


class Headers(Struct, frozen=True):
    """What a request says beside its path and body.

    Attributes:
        traceparent: W3C trace context; one that is malformed is ignored, as the standard wants it.
        actor: who wants it.
        key: the client's own name for the request, so that it can send it again.
        wait: seconds that it would wait for the outcome.
    """

    traceparent: str | UnsetType = UNSET
    actor: str | UnsetType = UNSET
    key: str | UnsetType = UNSET
    wait: int | UnsetType = UNSET

    def new_id(self, route: str, about: str = "") -> UUID:
        """An id for what a request makes: from the same key always the same, without a key always another.

        Args:
            route: what is made. The same key means something else on another route.
            about: id in the path.
        """
        if self.key is UNSET:
            return uuid7()
        return uuid5(NAMESPACE, f"{route}\n{about}\n{self.key}")


_NONE = Headers()


def read_headers(request: falcon.asgi.Request) -> Headers:
    """Read what goes along with a request.

    Raises:
        Problem: 400, a header is malformed or comes twice.
    """
    return read_header_list(request.scope["headers"])


def read_header_list(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Read what goes along with a request from its headers as ASGI has them.

    Raises:
        Problem: as `read_headers`.
    """
    # Straight from ASGI: for each order, Falcon's own look-up of three headers that are mostly absent costs more.
    given = [(name, value) for name, value in headers if name in _OURS]
    if not given:
        return _NONE
    values: dict[bytes, bytes] = {}
    for name, value in given:
        if name in values and name not in _MAY_REPEAT:
            raise _malformed(name.decode(), "comes more than once")
        values[name] = value
    return Headers(
        _read_traceparent(values.get(b"traceparent")),
        _read_actor(values.get(b"x-actor")),
        _read_key(values.get(b"idempotency-key")),
        _read_wait([value.decode("latin-1") for name, value in given if name == b"prefer"]),
    )


def read_last_event_id(request: falcon.asgi.Request) -> str | None:
    """How far a client had come with a stream of events; None if it begins.

    Raises:
        Problem: 400, it is nothing that was told there.
    """
    given: list[tuple[bytes, bytes]] = request.scope["headers"]
    values = [value.decode("latin-1") for name, value in given if name == b"last-event-id"]
    if not values:
        return None
    if len(values) > 1 or not _POSITION.fullmatch(values[0]):
        raise _malformed("last-event-id", "must be the id of an event, as it was told")
    return values[0]


def refuse_last_event_id() -> Problem:
    """The answer to who comes with the id of an event that has not happened here."""
    return _malformed("last-event-id", "is later than all that has happened here: begin without it")


def _read_traceparent(value: bytes | None) -> str | UnsetType:
    text = (value or b"").decode("latin-1")
    return text if _TRACEPARENT.fullmatch(text) else UNSET


def _read_actor(value: bytes | None) -> str | UnsetType:
    if value is None:
        return UNSET
    try:
        actor = value.decode()
    except UnicodeDecodeError:
        raise _malformed("x-actor", "must be UTF-8") from None
    if not 1 <= len(actor) <= _LONGEST_ACTOR or not actor.isprintable():
        raise _malformed("x-actor", f"must be 1 to {_LONGEST_ACTOR} printable characters")
    return actor


def _read_key(value: bytes | None) -> str | UnsetType:
    if value is None:
        return UNSET
    text = value.decode("latin-1")
    if match := _QUOTED.fullmatch(text):
        key = re.sub(r"\\(.)", r"\1", match[1])
    elif _BARE.fullmatch(text):
        key = text
    else:
        raise _malformed("idempotency-key", 'must be one string in quotes, such as "8e03978e-40d5", of printable ASCII')
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise _malformed("idempotency-key", f"must have 1 to {_LONGEST_KEY} characters")
    return key


def _read_wait(values: list[str]) -> int | UnsetType:
    if not values:
        return UNSET
    try:
        seconds = wait_seconds(values)
    except UnclearWait:
        raise _malformed("prefer", "must say `wait` in whole seconds, such as wait=10") from None
    return UNSET if seconds is None else seconds


def _malformed(name: str, fault: str) -> Problem:
    return Problem(400, "malformed-header", f"The header {name.title()} {fault}.")
