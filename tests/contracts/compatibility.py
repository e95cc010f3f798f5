"""What a change of a JSON schema breaks, and for whom. Pure; for messages and for what is said over HTTP.

Who reads ignores fields that it does not know, so a new field that may be absent breaks nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import Flag, auto
from typing import Any, NamedTuple

Schema = Mapping[str, Any]

_LOW = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_HIGH = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


class Breaks(Flag):
    """What can break."""

    WRITERS = auto()
    """What was written before, or is by those who write as before, is no longer read as it was meant."""
    READERS = auto()
    """Those who read as before no longer understand what is written now."""


class Change(NamedTuple):
    """One thing that is not as it was.

    Attributes:
        path: where in the document, such as `$.lines[].quantity`.
    """

    path: str
    what: str
    breaks: Breaks


class Sides(NamedTuple):
    """The same place in the schema of before and in that of now, with the documents that references lead into."""

    before: Schema
    after: Schema
    before_root: Schema
    after_root: Schema

    def at(self, before: Schema, after: Schema) -> "Sides":
        """Another place in the same documents."""
        return self._replace(before=before, after=after)


def breaking(before: Schema, after: Schema, matters: Breaks) -> list[str]:
    """Say what a change breaks.

    Args:
        before: a schema; references lead into it.
        after: the same now.
        matters: for whom. A request is read by who defines it, so that only its writers can be broken; an answer only
            breaks its readers; what is stored or sent around can do both.
    """
    return [f"{it.path} {it.what}" for it in compare(before, after) if it.breaks & matters]


def compare(before: Schema, after: Schema) -> Iterator["Change"]:
    """Find what is not as it was in two schemas, each with what its references lead to."""
    return changes(Sides(before, after, before, after))


def changes(sides: Sides, path: str = "$", seen: frozenset[tuple[str, str]] = frozenset()) -> Iterator[Change]:
    """Find what is not as it was, from one place on."""
    refs = sides.before.get("$ref", ""), sides.after.get("$ref", "")
    if refs != ("", ""):
        if refs in seen:  # a schema that holds itself
            return
        seen |= {refs}
        before, after = _follow(sides.before, sides.before_root), _follow(sides.after, sides.after_root)
        yield from changes(sides.at(before, after), path, seen)
        return
    if "anyOf" in sides.before or "anyOf" in sides.after:
        yield from _alternatives(sides, path, seen)
        return
    yield from (Change(path, what, breaks) for what, breaks in _of_value(sides.before, sides.after))
    if _type(sides.before) == _type(sides.after):
        yield from _fields(sides, path, seen)
        yield from _items(sides, path, seen)


def _follow(schema: Schema, root: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Any = root
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return {**found, **{name: value for name, value in schema.items() if name != "$ref"}}


def _alternatives(sides: Sides, path: str, seen: frozenset[tuple[str, str]]) -> Iterator[Change]:
    """Each alternative of before is compared with the one of its kind."""
    before = _by_kind(sides.before, sides.before_root)
    after = _by_kind(sides.after, sides.after_root)
    for kind in sorted(before.keys() | after.keys()):
        for old, new in zip(before[kind], after[kind], strict=False):
            yield from changes(sides.at(old, new), path, seen)
        if len(before[kind]) > len(after[kind]):
            yield Change(path, f"may no longer be {kind}", Breaks.WRITERS)
        if len(before[kind]) < len(after[kind]):
            yield Change(path, f"may now also be {kind}", Breaks.READERS)


def _by_kind(schema: Schema, root: Schema) -> defaultdict[str, list[Schema]]:
    kinds: defaultdict[str, list[Schema]] = defaultdict(list)
    for it in schema.get("anyOf", [schema]):
        alternative = _follow(it, root)
        kinds["one of some words" if "enum" in alternative else _type(alternative)].append(it)
    return kinds


def _of_value(before: Schema, after: Schema) -> Iterator[tuple[str, Breaks]]:
    """What has changed about a value itself."""
    both = Breaks.WRITERS | Breaks.READERS
    match _type(before), _type(after):
        case old, new if old == new:
            pass
        case ("integer" as old, "number" as new) | (old, "anything" as new):
            yield f"is {new}, was {old}", Breaks.READERS
        case ("number" as old, "integer" as new) | ("anything" as old, new):
            yield f"is {new}, was {old}", Breaks.WRITERS
        case old, new:
            yield f"is {new}, was {old}", both
    yield from _words(before, after)
    yield from _bounds(before, after)
    for name in ("pattern", "format"):
        was, now = before.get(name), after.get(name)
        if was != now:
            breaks = Breaks.WRITERS if was is None else Breaks.READERS if now is None else both
            yield f"has the {name} {now or 'of anything'}, was {was or 'anything'}", breaks
    if "default" in before and "default" in after and before["default"] != after["default"]:
        yield f"means {after['default']!r} when it is absent, meant {before['default']!r}", both


def _type(schema: Schema) -> str:
    words = _enum(schema)
    is_text = words is not None and all(isinstance(word, str) for word in words)
    return str(schema.get("type", "string" if is_text else "anything"))


def _words(before: Schema, after: Schema) -> Iterator[tuple[str, Breaks]]:
    old, new = _enum(before), _enum(after)
    if old is not None and new is not None:
        if gone := old - new:
            yield f"may no longer be {_listed(gone)}", Breaks.WRITERS
        if added := new - old:
            yield f"may now also be {_listed(added)}", Breaks.READERS
    elif old is not None:
        yield f"may now be anything, was one of {_listed(old)}", Breaks.READERS
    elif new is not None:
        yield f"may only be one of {_listed(new)}, was anything", Breaks.WRITERS


def _enum(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _listed(words: Iterable[Any]) -> str:
    return ", ".join(sorted(map(repr, words)))


def _bounds(before: Schema, after: Schema) -> Iterator[tuple[str, Breaks]]:
    for names, least in ((_LOW, True), (_HIGH, False)):
        for name in names:
            if before.get(name) == after.get(name):
                continue
            nowhere = float("-inf") if least else float("inf")
            old, new = before.get(name, nowhere), after.get(name, nowhere)
            is_narrower = (new > old) == least
            said = f"has {name} {after.get(name, 'no more')}, was {before.get(name, 'without')}"
            yield said, Breaks.WRITERS if is_narrower else Breaks.READERS


def _fields(sides: Sides, path: str, seen: frozenset[tuple[str, str]]) -> Iterator[Change]:
    before, after = sides.before.get("properties", {}), sides.after.get("properties", {})
    had_to, has_to = set(sides.before.get("required", ())), set(sides.after.get("required", ()))
    for name in before.keys() - after.keys():
        yield Change(f"{path}.{name}", "is removed", Breaks.WRITERS | Breaks.READERS)
    for name in after.keys() - before.keys():
        if name in has_to:
            yield Change(f"{path}.{name}", "is new and required", Breaks.WRITERS)
    for name in before.keys() & after.keys():
        where = f"{path}.{name}"
        if name in has_to - had_to:
            yield Change(where, "is required, and might be absent", Breaks.WRITERS)
        if name in had_to - has_to:
            yield Change(where, "may be absent, and was always there", Breaks.READERS)
        yield from changes(sides.at(before[name], after[name]), where, seen)


def _items(sides: Sides, path: str, seen: frozenset[tuple[str, str]]) -> Iterator[Change]:
    """Elements of arrays, and values of objects without fixed names."""
    for name in ("items", "additionalProperties"):
        before, after = sides.before.get(name), sides.after.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from changes(sides.at(before, after), f"{path}[]", seen)
    for number, (before, after) in enumerate(
        zip(sides.before.get("prefixItems", ()), sides.after.get("prefixItems", ()), strict=False)
    ):
        yield from changes(sides.at(before, after), f"{path}[{number}]", seen)
