"""docs/asyncapi.json: every message, for programs (AsyncAPI 3.0, https://www.asyncapi.com/docs/reference/specification)."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.json import schema_components

from onhand.common.messaging.envelope import Envelope
from tests.contracts.catalogue import Described

_REPLIES = "replies"
_SCHEMAS = "#/components/schemas/"
_EXAMPLE = {
    "id": "01939c8e-5f10-7000-8000-000000000002",
    "time": "2026-11-23T09:30:00.123456Z",
    "specversion": "1.0",
    "datacontenttype": "application/json",
}


def document(messages: Iterable[Described], version: str) -> dict[str, Any]:
    """Write the document.

    Args:
        messages: what is said.
        version: of the project.
    """
    messages = list(messages)
    kinds = [Envelope, *(it.contract for it in messages)]
    schemas = schema_components(kinds, ref_template=f"{_SCHEMAS}{{name}}")[1]
    for it in messages:
        _explain(schemas[it.name], it)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "onhand",
            "version": version,
            "description": "What the services say to each other on Redis streams. docs/messages.md is for people.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": _channels(messages),
        "operations": _operations(messages),
        "components": {"messages": {it.name: _message(it) for it in messages}, "schemas": schemas},
    }


def _channels(messages: Iterable[Described]) -> dict[str, Any]:
    channels: dict[str, Any] = {}
    for it in messages:
        channel = channels.setdefault(it.topic or _REPLIES, _channel(it.topic))
        channel["messages"][it.name] = {"$ref": f"#/components/messages/{it.name}"}
    return channels


def _channel(topic: str | None) -> dict[str, Any]:
    if topic is None:
        return {
            "address": None,
            "description": "A Redis channel of the asker's own, on which JSON arrays of CloudEvents are published.",
            "messages": {},
        }
    return {
        "address": topic,
        "description": f"The Redis streams `{topic}.{{n}}` with n from 0 to STREAM_PARTITIONS - 1, and the braces. "
        "An entry holds up to 32 messages, each the value of a field of its own.",
        "messages": {},
    }


def _operations(messages: list[Described]) -> dict[str, Any]:
    replies = [it for it in messages if it.topic is None]
    operations: dict[str, Any] = {}
    for it in messages:
        if it.kind == "event":
            operations[f"{it.owner}.send.{it.name}"] = _operation("send", it.owner, it)
        for service in it.consumers:
            operation = _operation("receive", service, it)
            if it.kind != "event":
                operation["reply"] = _reply([each for each in replies if each.owner in {it.owner, "every service"}])
            operations[f"{service}.receive.{it.name}"] = operation
    return operations


def _operation(action: str, service: str, it: Described) -> dict[str, Any]:
    channel = f"#/channels/{it.topic}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": it.about,
        "tags": [{"name": service}],
        "messages": [{"$ref": f"{channel}/messages/{it.name}"}],
    }


def _reply(replies: Iterable[Described]) -> dict[str, Any]:
    channel = f"#/channels/{_REPLIES}"
    return {
        "address": {"location": "$message.payload#/replyto"},
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{it.name}"} for it in replies],
    }


def _message(it: Described) -> dict[str, Any]:
    said = msgspec.to_builtins(it.example)
    source = it.owner if it.kind in {"event", "reply"} and it.owner != "every service" else "gateway"
    example = {"type": it.contract.TYPE, "subject": said[it.subject], "source": f"/{source}", "data": said} | _EXAMPLE
    older = {"x-older-versions": [older.TYPE for older in it.older]} if it.older else {}
    return {
        "name": it.contract.TYPE,
        "title": it.name,
        "summary": it.about,
        "contentType": "application/cloudevents+json",
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {
            "allOf": [
                {"$ref": f"{_SCHEMAS}Envelope"},
                {"properties": {"type": {"const": it.contract.TYPE}, "data": {"$ref": f"{_SCHEMAS}{it.name}"}}},
            ]
        },
        "examples": [{"name": it.name, "payload": example | {"correlationid": example["subject"]}}],
        **older,
    }


def _explain(schema: dict[str, Any], it: Described) -> None:
    """Put the words of a docstring where they belong."""
    schema["description"] = it.about
    properties: Mapping[str, dict[str, Any]] = schema["properties"]
    for name, meaning in it.fields.items():
        properties[name]["description"] = meaning
