"""docs/messages.md: every message, for people."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.json import schema_components

from onhand.common.contracts import Part
from tests.contracts.catalogue import Described, about

_BEGINNING = """\
# Messages

Everything that services say to each other. `make docs` makes this page from the contracts
(`libs/common/src/onhand/common/contracts/`), the subscriptions of the services and the examples of the tests.
[asyncapi.json](asyncapi.json) says the same to programs; [add-a-service.md](add-a-service.md) shows how to listen.

A message is a CloudEvent in JSON: `type`, `subject` (what it is about), `id`, `source`, `time` and `data`, which is
what is shown here; besides `correlationid`, `causationid`, `replyto`, `traceparent` and `actor`
(`libs/common/src/onhand/common/messaging/envelope.py`). A topic is a Redis stream with the key
`<topic>.{<partition>}`. An entry of it holds up to 32 messages, each the value of a field of its own. It is delivered
at least once, in no promised order. A reply goes to the channel that `replyto` of the request names.

Commands may also come as a bundle, an envelope of the type `onhand.bundle.v1` whose `data` is an array of
`[type, subject, data]`; the field's name is their number. The id of each is the bundle's, a dot and its place, from 0
on, and its reply names that (`libs/common/src/onhand/common/messaging/bundles.py`).

Fields that a reader does not know are to be ignored, and fields may be added at any time if they may be absent. A
command or a query may come to allow more; who takes it is then deployed before who sends it. Any other change is a new
version of the type. Versions that are named as older are read as if they were the newest.
"""


def page(messages: Iterable[Described]) -> str:
    """Write the page."""
    messages = list(messages)
    schemas = schema_components([it.contract for it in messages], ref_template="{name}")[1]
    parts = {kind: schemas[kind.__name__] for kind in _parts_of(Part) if kind.__name__ in schemas}
    blocks = [_BEGINNING, *_contents(messages)]
    for message in messages:
        blocks += _message(message, schemas)
    blocks.append("## Parts of messages\n")
    for kind, schema in sorted(parts.items(), key=lambda part: part[0].__name__):
        text, meanings = about(kind)
        blocks += [f"### {kind.__name__}\n", f"{text}\n", _table(schema, meanings)]
    return "\n".join(blocks)


def _contents(messages: Iterable[Described]) -> Iterator[str]:
    owner = ""
    rows: list[str] = []
    for it in messages:
        if it.owner != owner:
            if rows:
                yield _lines(rows)
            owner = it.owner
            yield f"## Of {owner}\n"
            rows = ["| message | kind | type | topic | taken by |", "|---|---|---|---|---|"]
        link = f"[{it.name}](#{it.name.lower()})"
        rows.append(f"| {link} | {it.kind} | `{it.contract.TYPE}` | {_code(it.topic)} | {_takers(it)} |")
    yield _lines(rows)


def _message(it: Described, schemas: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {it.name}\n"
    yield f"{it.about}\n"
    facts = [f"`{it.contract.TYPE}`, {it.kind} of {it.owner}", f"about `{it.subject}`"]
    facts += [f"on `{it.topic}`"] if it.topic else []
    facts += [f"taken by {_takers(it)}"]
    facts += [f"older: {', '.join(f'`{older.TYPE}`' for older in it.older)}"] if it.older else []
    yield f"{'; '.join(facts)}.\n"
    yield _table(schemas[it.name], it.fields)
    yield f"```json\n{msgspec.json.format(msgspec.json.encode(it.example), indent=2).decode()}\n```\n"


def _takers(it: Described) -> str:
    if it.kind == "reply":
        return "who asked"
    return ", ".join(it.consumers) or "whoever listens"


def _table(schema: Mapping[str, Any], meanings: Mapping[str, str]) -> str:
    rows = ["| field | | |", "|---|---|---|"]
    for name, field in schema["properties"].items():
        presence = "" if name in schema.get("required", ()) else "may be absent"
        if "default" in field:
            presence = f"`{msgspec.json.encode(field['default']).decode()}` if absent"
        said = "; ".join(filter(None, (presence, meanings.get(name, ""))))
        rows.append(f"| `{name}` | {_shape(field)} | {said} |")
    return _lines(rows)


def _shape(field: Mapping[str, Any]) -> str:  # noqa: PLR0911  # a line for each
    """What a field may hold, in few words."""
    match field:
        case {"$ref": name}:
            return f"[{name}](#{name.lower()})"
        case {"anyOf": alternatives}:
            return " or ".join(map(_shape, alternatives))
        case {"enum": words}:
            return ", ".join(f"`{word}`" for word in words)
        case {"type": "array", "items": items}:
            return f"array of {_shape(items)}{_bounds(field, 'Items')}"
        case {"type": "object"}:
            return f"object{_bounds(field, 'Properties')}"
        case {"type": "string", "format": form}:
            return str(form)
        case {"type": "string"}:
            return f"string{_bounds(field, 'Length')}"
        case {"type": "integer"}:
            return f"integer{_bounds(field, 'imum')}"
        case {"type": other}:
            return str(other)
    return "anything"


def _bounds(field: Mapping[str, Any], of: str) -> str:
    least, most = field.get(f"min{of}"), field.get(f"max{of}")
    if least is None and most is None:
        return ""
    return f" {'' if least is None else least}..{'' if most is None else most}"


def _parts_of(kind: type[Part]) -> Iterator[type[Part]]:
    for it in kind.__subclasses__():
        yield it
        yield from _parts_of(it)


def _code(text: str | None) -> str:
    return f"`{text}`" if text else ""


def _lines(rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in rows)
