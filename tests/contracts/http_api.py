"""docs/openapi.json: what clients could rely on when somebody last looked, and what a change of it breaks for them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from onhand.gateway.api.operations import OPERATIONS, PARAMETERS
from onhand.gateway.openapi import document
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
                for what in _broken(old, new, before, now):
                    yield f"{where}: {what}: clients that were made before would break. {_WAY_OUT}"


def breaking_api_changes() -> Iterator[str]:
    """Say what is broken for clients since docs/openapi.json was written."""
    if OPENAPI.exists():
        yield from broken_clients(json.loads(OPENAPI.read_text()), http_api())


def _broken(old: Document, new: Document, before: Document, now: Document) -> Iterator[str]:
    if old["operationId"] != new["operationId"]:
        yield f"its operationId is {new['operationId']}, was {old['operationId']}"
    yield from _parameters(old, new, before, now)
    if "requestBody" in new:
        if new["requestBody"]["required"] and not old.get("requestBody", {}).get("required"):
            yield "its body is required, and might be absent"
        if "requestBody" in old:
            yield from _bodies(old["requestBody"], new["requestBody"], Breaks.WRITERS, (before, now), "body")
    for status, answer in old["responses"].items():
        if status.startswith("2"):
            if status not in new["responses"]:
                yield f"it no longer answers {status}"
            else:
                yield from _bodies(answer, new["responses"][status], Breaks.READERS, (before, now), status)


def _parameters(old: Document, new: Document, before: Document, now: Document) -> Iterator[str]:
    was = {(it["in"], it["name"]): it for it in old["parameters"]}
    are = {(it["in"], it["name"]): it for it in new["parameters"]}
    for key in sorted(was.keys() | are.keys()):
        name = f"its {key[0]} parameter {key[1]}"
        if key not in are:
            yield f"{name} is gone"
        elif key not in was:
            if are[key].get("required"):
                yield f"{name} is new and required"
        else:
            yield from _told(was[key]["schema"], are[key]["schema"], Breaks.WRITERS, (before, now), name)


def _bodies(
    old: Document, new: Document, matters: Breaks, roots: tuple[Document, Document], name: str
) -> Iterator[str]:
    for media_type, content in old.get("content", {}).items():
        if media_type not in new.get("content", {}):
            yield f"{name} is no longer {media_type}"
        else:
            yield from _told(content["schema"], new["content"][media_type]["schema"], matters, roots, name)


def _told(old: Any, new: Any, matters: Breaks, roots: tuple[Document, Document], name: str) -> Iterator[str]:  # noqa: ANN401  # JSON
    for it in changes(Sides(old, new, *roots)):
        if it.breaks & matters:
            yield f"{name} {it.path} {it.what}"
