"""What a change of a JSON schema breaks, and for whom. Pure; for messages and for what is said over HTTP.

Who reads ignores fields that it does not know, so a new field that may be absent breaks nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import Flag, auto
from typing import Any, NamedTuple

Schema = Mapping[str, Any]

_WORDS = frozenset({"title", "description", "examples", "example", "deprecated", "discriminator", "$defs"})
"""Say nothing of the value itself. What a discriminator says is in the alternatives, too."""
_LOW = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_HIGH = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_UNDERSTOOD = frozenset(
    {"$ref", "anyOf", "type", "enum", "const", "pattern", "format", "default", "properties", "required", "items"}
    | {"additionalProperties", "prefixItems", *_LOW, *_HIGH}
)
"""What is compared by what it means; everything else has to be the same."""
_ANYTHING = "anything"


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
        yield from changes(sides.at(_of_all_alternatives(sides.before), _of_all_alternatives(sides.after)), path, seen)
        return
    yield from (Change(path, what, breaks) for what, breaks in _of_value(sides.before, sides.after))
    yield from (Change(path, what, breaks) for what, breaks in _rules(sides))
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
    """Each alternative of before is compared with the one of its kind. What can be anything has all of them."""
    tag = next((it["discriminator"]["propertyName"] for it in sides[:2] if "discriminator" in it), "")
    before = _by_kind(sides.before, sides.before_root, tag)
    after = _by_kind(sides.after, sides.after_root, tag)
    for kind in sorted(before.keys() | after.keys()):
        were, are = before.get(kind, []), after.get(kind, [])
        for old, new in zip(were, are, strict=False):
            yield from changes(sides.at(old, new), path, seen)
        if len(were) > len(are) and _ANYTHING not in after:
            yield Change(path, f"may no longer be {kind}", Breaks.WRITERS)
        if len(were) < len(are) and _ANYTHING not in before:
            yield Change(path, f"may now also be {kind}", Breaks.READERS)


def _by_kind(schema: Schema, root: Schema, tag: str) -> dict[str, list[Schema]]:
    kinds: defaultdict[str, list[Schema]] = defaultdict(list)
    for it in schema.get("anyOf", [schema]):
        kinds[_kind(_follow(it, root), tag)].append(it)
    return dict(kinds)


def _kind(alternative: Schema, tag: str) -> str:
    """What an alternative is told from others by: the word that it is tagged with, or its type."""
    if word := _enum(alternative.get("properties", {}).get(tag, {})):
        return f"of the {tag} {_listed(word)}"
    if "enum" in alternative:
        return "one of some words"
    is_limited = alternative.keys() - _WORDS - {"default"}
    kind = _type(alternative)
    return "something" if kind == _ANYTHING and is_limited else kind


def _of_all_alternatives(schema: Schema) -> Schema:
    """What is said beside alternatives; of what has none, what would be said there."""
    return {name: it for name, it in schema.items() if (name != "anyOf" if "anyOf" in schema else name == "default")}


def _rules(sides: Sides) -> Iterator[tuple[str, Breaks]]:
    """What else a value must be. Whether a rule became wider or narrower, nobody can tell from how it is written."""
    for name in sorted((sides.before.keys() | sides.after.keys()) - _UNDERSTOOD - _WORDS):
        was = _whole(sides.before.get(name), sides.before_root)
        now = _whole(sides.after.get(name), sides.after_root)
        if was is None:
            yield f"has the rule {name}, was without", Breaks.WRITERS
        elif now is None:
            yield f"has the rule {name} no more", Breaks.READERS
        elif was != now:
            yield f"has another rule {name}", Breaks.WRITERS | Breaks.READERS


def _whole(rule: Any, root: Schema, seen: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401  # JSON
    """A rule with what its references lead to in their place."""
    if isinstance(rule, list):
        return [_whole(it, root, seen) for it in rule]
    if not isinstance(rule, Mapping):
        return rule
    reference = rule.get("$ref")
    if reference in seen:  # a schema that holds itself
        return reference
    known = seen if reference is None else seen | {reference}
    return {name: _whole(it, root, known) for name, it in _follow(rule, root).items()}


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
    return str(schema.get("type", "string" if is_text else _ANYTHING))


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
    """Elements of arrays, and values of objects without fixed names; where nothing is said they may be anything."""
    for name in {"items", "additionalProperties"} & (sides.before.keys() | sides.after.keys()):
        before, after = sides.before.get(name, True), sides.after.get(name, True)
        if after is False and before is not False:
            yield Change(path, "may have nothing else any more", Breaks.WRITERS)
        elif before is not False:
            old, new = ({} if it is True else it for it in (before, after))
            yield from changes(sides.at(old, new), f"{path}[]", seen)
    for number, (before, after) in enumerate(
        zip(sides.before.get("prefixItems", ()), sides.after.get("prefixItems", ()), strict=False)
    ):
        yield from changes(sides.at(before, after), f"{path}[{number}]", seen)
