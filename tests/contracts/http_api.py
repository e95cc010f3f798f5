"""docs/openapi.json: what clients could rely on when somebody last looked, and what a change of it breaks for them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from onhand.gateway.api.operations import OPERATIONS, PARAMETERS
from onhand.gateway.openapi import EVENT_DATA, document
from tests.contracts.compatibility import Breaks, Sides, changes

OPENAPI = Path(__file__).parents[2] / "docs" / "openapi.json"

_WAY_OUT = "Leave it, and make another route or field beside it"
Document = dict[str, Any]


def http_api() -> Document:
    """The document as it is now, in plain JSON."""
    return dict(msgspec.json.decode(msgspec.json.encode(document(OPERATIONS, PARAMETERS))))


def broken_clients(before: Document, now: Document) -> Iterator[str]:
    """Say what is broken for clients that were made from a document of before.

    Args:
        before: the document that they know.
        now: the document of today.
    """
    for path, methods in before["paths"].items():
        for method, old in methods.items():
            where = f"{method.upper()} {path}"
            new = now["paths"].get(path, {}).get(method)
            if new is None:
                yield f"{where} is gone: clients that call it get a 404 or 405. {_WAY_OUT}"
            else:
                for what in _broken(old, new, (before, now)):
                    yield f"{where}: {what}: clients that were made before would break. {_WAY_OUT}"


def breaking_api_changes() -> Iterator[str]:
    """Say what is broken for clients since docs/openapi.json was written."""
    if OPENAPI.exists():
        yield from broken_clients(json.loads(OPENAPI.read_text()), http_api())


def _broken(old: Document, new: Document, roots: tuple[Document, Document]) -> Iterator[str]:
    if old["operationId"] != new["operationId"]:
        yield f"its operationId is {new['operationId']}, was {old['operationId']}"
    yield from _parameters(old, new, roots)
    if new.get("requestBody", {}).get("required") and not old.get("requestBody", {}).get("required"):
        yield "its body is required, and might be absent"
    if "requestBody" in old:
        told = _bodies(old["requestBody"], new.get("requestBody", {}), Breaks.WRITERS, roots)
        yield from (f"body {it}" for it in told)
    yield from _answers(old["responses"], new["responses"], roots)


def _parameters(old: Document, new: Document, roots: tuple[Document, Document]) -> Iterator[str]:
    was = {(it["in"], it["name"]): it for it in old["parameters"]}
    are = {(it["in"], it["name"]): it for it in new["parameters"]}
    for key in sorted(was.keys() | are.keys()):
        name = f"its {key[0]} parameter {key[1]}"
        if key not in are:
            yield f"{name} is gone"
            continue
        before = was.get(key, {})
        if are[key].get("required") and not before.get("required"):
            yield f"{name} is {'required, and might be absent' if before else 'new and required'}"
        if before:
            yield from (f"{name} {it}" for it in _told(before["schema"], are[key]["schema"], Breaks.WRITERS, roots))


def _answers(old: Document, new: Document, roots: tuple[Document, Document]) -> Iterator[str]:
    """What is broken about answers; what is the same with several statuses is said once.

    A problem that is told no more breaks nobody. Nor does a new one: a client has to take a 4xx or 5xx that it does not
    know for a 400 or 500 (RFC 9110, 15), and the document is the same. A new success it would take for another.
    """
    found: dict[str, list[str]] = {}
    for status, answer in old.items():
        if status in new:
            told = (*_bodies(answer, new[status], Breaks.READERS, roots), *_headers(answer, new[status], roots))
            for what in told:
                found.setdefault(what, []).append(status)
        elif not _is_problem(status):
            yield f"it no longer answers {status}"
    yield from (f"{', '.join(statuses)} {what}" for what, statuses in found.items())
    yield from (f"it may now answer {it}" for it in new if it not in old and not _is_problem(it))


def _is_problem(status: str) -> bool:
    return status >= "400"


def _headers(old: Document, new: Document, roots: tuple[Document, Document]) -> Iterator[str]:
    are = new.get("headers", {})
    for name, before in old.get("headers", {}).items():
        if name not in are:
            yield f"has the header {name} no more"
            continue
        if before.get("required") and not are[name].get("required"):
            yield f"may be without the header {name}, and always had it"
        told = _told(before["schema"], are[name]["schema"], Breaks.READERS, roots)
        yield from (f"header {name} {it}" for it in told)


def _bodies(old: Document, new: Document, matters: Breaks, roots: tuple[Document, Document]) -> Iterator[str]:
    for media_type, before in old.get("content", {}).items():
        now = new.get("content", {}).get(media_type)
        if now is None:
            yield f"is no longer {media_type}"
            continue
        yield from _told(before["schema"], now["schema"], matters, roots)
        if EVENT_DATA in before:
            told = _told(before[EVENT_DATA], now.get(EVENT_DATA, {}), matters, roots)
            yield from (f"data of events {it}" for it in told)


def _told(old: Document, new: Document, matters: Breaks, roots: tuple[Document, Document]) -> Iterator[str]:
    yield from (f"{it.path} {it.what}" for it in changes(Sides(old, new, *roots)) if it.breaks & matters)
