"""The OpenAPI document: made from a table of operations and the structs that bodies are read into and made of.

It cannot say other bounds than those that are checked, because they are the same objects (docs/adr/0028).
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, NamedTuple, get_args

import msgspec
from msgspec import Meta, Struct

from onhand.gateway.explanation import Body
from onhand.gateway.problems import ProblemDetails

API = "/api/gateway"
EVENT_DATA = "x-event-data"
"""Beside the schema of a stream of events: that of the JSON in the data of each."""
Schema = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_EVERYWHERE = (400, 500, 503, 504)
_WITH_BODY = (413, 415, 422)
_RETRY_AFTER: Schema = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
_REPLAYED: Schema = {
    "Idempotent-Replayed": {
        "description": "`true` if it was there before, under the same key.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_LOCATION: Schema = {"Location": {"description": "Where it is.", "required": True, "schema": {"type": "string"}}}
_NEXT: Schema = {"Link": {"description": "The next page, as `next` says it (RFC 8288).", "schema": {"type": "string"}}}
_ACTOR: Schema = {
    "name": "X-Actor",
    "in": "header",
    "description": "Who wants it; written into logs of orders and movements.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The client's own name for the request: sent again with the same key, it is done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!#-+\--:<-\[\]-~]+$"},
}

_PREFER: Schema = {
    "name": "Prefer",
    "in": "header",
    "description": "`wait=N`: answer when the order is not pending any more, or after N seconds, at most 30.",
    "schema": {"type": "string"},
    "example": "wait=10",
}
_APPLIED: Schema = {
    "Preference-Applied": {
        "description": "What of `Prefer` was kept to.",
        "schema": {"type": "string", "pattern": "^wait=[0-9]+$"},
    }
}
_LAST_EVENT_ID: Schema = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "For streams of events: the last id that was told, to go on after it.",
    "schema": {"type": "string"},
}


class Operation(NamedTuple):
    """What a route takes and answers.

    Attributes:
        method: in capitals.
        path: as the route has it, below `API`.
        name: for clients that are generated; unique.
        summary: one sentence.
        reply: the body of the answer.
        status: of the answer.
        may_make: whether it answers 201 with the same, if what it is about was not there.
        body: what the request's body is read into.
        is_body_optional: whether there may be no body at all.
        query: its parameters, name and type.
        problems: statuses that it may answer beside those that every route may.
        makes: the path parameter of what it makes, such as `order_id`; it is a field of the answer.
        has_location: whether it answers with `Location`.
        is_page: whether it answers with one page of a list, and with `Link` if there is another.
        example: a body that a client may send.
        may_wait: whether a client may ask to be answered later, with the outcome.
        events: what the data of each event is, if it answers with a stream of them where that is asked for.
    """

    method: str
    path: str
    name: str
    summary: str
    reply: Any = None
    status: int = 200
    may_make: bool = False
    body: Any = None
    is_body_optional: bool = False
    query: Mapping[str, Any] = {}
    problems: Sequence[int] = ()
    makes: str = ""
    has_location: bool = False
    is_page: bool = False
    example: object = None
    may_wait: bool = False
    events: Any = None


def one_of(*kinds: type[Struct]) -> Meta:
    """Says of a field of any type that it is one of some structs that operations speak of, whose fields tell which."""
    return Meta(extra_json_schema={"anyOf": [_reference_to(it) for it in kinds]})


def document(operations: Sequence[Operation], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The OpenAPI document.

    Args:
        operations: all that there are.
        parameters: the types of path parameters, by their names in routes.
    """
    kinds = _Kinds(operations)
    paths: dict[str, dict[str, Any]] = {}
    for it in operations:
        described = _described(it, kinds, parameters) | {"responses": _answers(it, kinds, operations)}
        paths.setdefault(_public(API + it.path), {})[it.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "onhand",
            "version": version("onhand-gateway"),
            "description": "Orders and inventory. Errors are `application/problem+json` (RFC 9457).",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": kinds.components},
    }


class _Kinds:
    """Schemas of all types that operations speak of, made at once so that each has one plain name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        kinds: list[Any] = [ProblemDetails]
        for it in operations:
            kinds += [kind for kind in (it.reply, it.body, it.events) if kind is not None]
        schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
        self._by_kind = dict(zip(map(repr, kinds), map(_plain, schemas), strict=True))
        together = {it.__name__: it.TOGETHER for it in _structs_in(kinds) if issubclass(it, Body)}
        self.components: Schema = {
            name: _plain(schema) | together.get(name, {}) for name, schema in sorted(components.items())
        }

    def content(self, kind: Any, media_type: str = "application/json", example: object = None) -> Schema:  # noqa: ANN401  # any type
        """How a body of a type is described."""
        content: Schema = {"schema": self._by_kind[repr(kind)]}
        return {media_type: content if example is None else content | {"example": example}}


def _structs_in(kinds: Iterable[Any]) -> Iterator[type[Struct]]:
    """All structs that types are made of."""
    for it in kinds:
        if isinstance(it, type) and issubclass(it, Struct):
            yield it
            yield from _structs_in(field.type for field in msgspec.structs.fields(it))
        else:
            yield from _structs_in(get_args(it))


def _reference_to(kind: type[Struct]) -> Schema:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _event_stream(kind: type[Struct]) -> Schema:
    """How a stream of events is described. OpenAPI 3.1 has no word for their data, so an extension refers to it."""
    words = (
        f"Server-sent events. The `data` of each is the JSON of one {kind.__name__}, and the `id` is a place to go on"
        " after, also where there is nothing else to tell."
    )
    return {"text/event-stream": {"schema": {"type": "string", "description": words}, EVENT_DATA: _reference_to(kind)}}


def _described(operation: Operation, kinds: _Kinds, parameters: Mapping[str, Any]) -> Schema:
    in_path = [
        {"name": _camel(name), "in": "path", "required": True, "schema": _schema(parameters[name])}
        for name in _PATH_PARAMETER.findall(operation.path)
    ]
    in_query = [{"name": name, "in": "query", "schema": _schema(kind)} for name, kind in operation.query.items()]
    in_header = [_PREFER] if operation.may_wait else []
    in_header += [_LAST_EVENT_ID] if operation.events is not None else []
    in_header += [_ACTOR, _KEY] if operation.method == "POST" else [_ACTOR]
    described: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[1]],
        "parameters": [*in_path, *in_query, *in_header],
    }
    if operation.body is not None:
        content = kinds.content(operation.body, example=operation.example)
        described["requestBody"] = {"required": not operation.is_body_optional, "content": content}
    return described


def _answers(operation: Operation, kinds: _Kinds, operations: Sequence[Operation]) -> Schema:
    headers = (_LOCATION if operation.has_location else {}) | (_NEXT if operation.is_page else {})
    headers |= _REPLAYED if operation.method == "POST" else {}
    headers |= _APPLIED if operation.may_wait else {}
    content = {} if operation.reply is None else kinds.content(operation.reply)
    answers: Schema = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": content | (_event_stream(operation.events) if operation.events is not None else {}),
            **({"headers": headers} if headers else {}),
            **({"links": dict(_links(operation, operations))} if operation.makes else {}),
        }
        for status in (operation.status, *([201] if operation.may_make else ()))
    }
    problems = {*_EVERYWHERE, *operation.problems, *(_WITH_BODY if operation.body is not None else ())}
    for status in sorted(problems):
        answers[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": kinds.content(ProblemDetails, "application/problem+json"),
            **({"headers": _RETRY_AFTER} if status in (503, 504) else {}),
        }
    return answers


def _links(operation: Operation, operations: Sequence[Operation]) -> Iterator[tuple[str, Schema]]:
    """What can be done with that which an operation makes."""
    known = _PATH_PARAMETER.findall(operation.path)
    for it in operations:
        wanted = _PATH_PARAMETER.findall(it.path)
        if it.name != operation.name and operation.makes in wanted and {*wanted} <= {*known, operation.makes}:
            yield (
                it.name,
                {
                    "operationId": it.name,
                    "parameters": {
                        _camel(name): f"$response.body#/{_camel(name)}"
                        if name == operation.makes
                        else f"$request.path.{_camel(name)}"
                        for name in wanted
                    },
                },
            )


def _schema(kind: Any) -> Schema:  # noqa: ANN401  # a type
    plain: Schema = _plain(msgspec.json.schema(kind))
    return plain


def _plain(schema: Any) -> Any:  # noqa: ANN401  # JSON
    """Say it in the words of JSON Schema: its patterns are JavaScript's, and docstrings are Python's."""
    if isinstance(schema, list):
        return [_plain(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _plain(value) for name, value in schema.items()}
    if isinstance(pattern := plain.get("pattern"), str):
        plain["pattern"] = pattern.replace(r"\A", "^").replace(r"\Z", "$").replace(r"\ud800-\udfff", "")
    if isinstance(words := plain.get("description"), str):
        plain["description"] = inspect.cleandoc(words).partition("\n\nAttributes:")[0]
    return plain


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _public(path: str) -> str:
    return _PATH_PARAMETER.sub(lambda it: f"{{{_camel(it[1])}}}", path)
