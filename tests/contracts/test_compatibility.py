"""A change that breaks somebody is told in a sentence, and one that breaks nobody is not."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType, defstruct

from tests.contracts.compatibility import Breaks, breaking

WORDS = Literal["a", "b"]
NAME = Annotated[str, Meta(max_length=9)]
BOTH = Breaks.WRITERS | Breaks.READERS


class Part(Struct):
    """A part of a message."""

    size: int


class WiderPart(Struct):
    """The same part, with more in it."""

    size: int
    more: int


class StrictPart(Struct, forbid_unknown_fields=True):
    """The same part, with nothing else in it."""

    size: int


class Cat(Struct, tag_field="kind", tag="cat"):
    """One of several."""


class OlderCat(Struct, tag_field="kind", tag="cat"):
    """The same, with more in it."""

    age: int


class Dog(Struct, tag_field="kind", tag="dog"):
    """Another one."""


class Tree(Struct):
    """Something that holds itself."""

    children: tuple["Tree", ...] = ()


def schema(*field: Any) -> dict[str, Any]:  # noqa: ANN401  # as msgspec takes it
    return msgspec.json.schema(defstruct("It", [("always", str), field] if field else [("always", str)]))


@pytest.mark.parametrize(
    ("before", "after", "breaks", "said"),
    [
        ((), ("new", int), Breaks.WRITERS, "$.new is new and required"),
        (("gone", int), (), BOTH, "$.gone is removed"),
        (("gone", int | UnsetType, UNSET), (), BOTH, "$.gone is removed"),
        (("f", int | UnsetType, UNSET), ("f", int), Breaks.WRITERS, "$.f is required, and might be absent"),
        (("f", int), ("f", int | UnsetType, UNSET), Breaks.READERS, "$.f may be absent, and was always there"),
        (("f", int), ("f", str), BOTH, "$.f is string, was integer"),
        (("f", int), ("f", float), Breaks.READERS, "$.f is number, was integer"),
        (("f", float), ("f", int), Breaks.WRITERS, "$.f is integer, was number"),
        (("f", WORDS), ("f", Literal["a"]), Breaks.WRITERS, "$.f may no longer be 'b'"),
        (("f", WORDS), ("f", Literal["a", "b", "c"]), Breaks.READERS, "$.f may now also be 'c'"),
        (("f", WORDS), ("f", str), Breaks.READERS, "$.f may now be anything, was one of 'a', 'b'"),
        (("f", str), ("f", WORDS), Breaks.WRITERS, "$.f may only be one of 'a', 'b', was anything"),
        (("f", int), ("f", int | None), Breaks.READERS, "$.f may now also be null"),
        (("f", int | None), ("f", int), Breaks.WRITERS, "$.f may no longer be null"),
        (("f", int), ("f", Annotated[int, Meta(ge=1)]), Breaks.WRITERS, "$.f has minimum 1, was without"),
        (
            ("f", Annotated[str, Meta(max_length=9)]),
            ("f", Annotated[str, Meta(max_length=10)]),
            Breaks.READERS,
            "$.f has maxLength 10, was 9",
        ),
        (("f", list[Part]), ("f", list[WiderPart]), Breaks.WRITERS, "$.f[].more is new and required"),
        (("f", dict[str, int]), ("f", dict[str, str]), BOTH, "$.f[] is string, was integer"),
        (("f", int, 1), ("f", int, 2), BOTH, "$.f means 2 when it is absent, meant 1"),
        (("f", int | None, 1), ("f", int | None, 2), BOTH, "$.f means 2 when it is absent, meant 1"),
        (("f", Any), ("f", int), Breaks.WRITERS, "$.f is integer, was anything"),
        (("f", Any), ("f", int | str), Breaks.WRITERS, "$.f may no longer be anything"),
        (("f", int | str), ("f", Any), Breaks.READERS, "$.f may now also be anything"),
        (("f", list), ("f", list[int]), Breaks.WRITERS, "$.f[] is integer, was anything"),
        (("f", list[int]), ("f", list), Breaks.READERS, "$.f[] is anything, was integer"),
        (("f", Cat | Dog), ("f", Dog), Breaks.WRITERS, "$.f may no longer be of the kind 'cat'"),
        (("f", Dog), ("f", Cat | Dog), Breaks.READERS, "$.f may now also be of the kind 'cat'"),
        (("f", Cat | Dog), ("f", OlderCat | Dog), Breaks.WRITERS, "$.f.age is new and required"),
        (("f", Part), ("f", StrictPart), Breaks.WRITERS, "$.f may have nothing else any more"),
        (("f", dict[str, int]), ("f", dict[NAME, int]), Breaks.WRITERS, "$.f has the rule propertyNames, was without"),
    ],
)
def test_it_is_said_what_a_change_breaks_and_for_whom(
    before: tuple[Any, ...], after: tuple[Any, ...], breaks: Breaks, said: str
) -> None:
    for who in (Breaks.WRITERS, Breaks.READERS):
        assert breaking(schema(*before), schema(*after), who) == ([said] if who in breaks else [])


def test_a_new_field_that_may_be_absent_breaks_nobody() -> None:
    assert not breaking(schema(), schema("new", int | UnsetType, UNSET), BOTH)
    assert not breaking(schema(), schema("new", int, 5), BOTH)


def test_a_schema_that_holds_itself_is_compared_to_its_end() -> None:
    assert not breaking(msgspec.json.schema(Tree), msgspec.json.schema(Tree), BOTH)


ALTERNATIVES = {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}


@pytest.mark.parametrize(
    ("before", "after", "breaks", "said"),
    [
        ({}, ALTERNATIVES, Breaks.WRITERS, "$ has the rule oneOf, was without"),
        (ALTERNATIVES, {}, Breaks.READERS, "$ has the rule oneOf no more"),
        (ALTERNATIVES, {"oneOf": ALTERNATIVES["oneOf"][:1]}, BOTH, "$ has another rule oneOf"),
        ({"not": {"const": 0}}, {"not": {"const": 1}}, BOTH, "$ has another rule not"),
        ({"anyOf": [], "minLength": 1}, {"anyOf": [], "minLength": 2}, Breaks.WRITERS, "$ has minLength 2, was 1"),
    ],
)
def test_a_rule_that_is_not_what_it_was_is_told(
    before: dict[str, Any], after: dict[str, Any], breaks: Breaks, said: str
) -> None:
    for who in (Breaks.WRITERS, Breaks.READERS):
        assert breaking(before, after, who) == ([said] if who in breaks else [])


def test_a_rule_is_what_its_references_lead_to() -> None:
    rule = {"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}

    def where(a: object) -> dict[str, Any]:
        return rule | {"$defs": {"A": a, "B": rule}}

    assert not breaking(where({"type": "null"}), where({"type": "null"}), BOTH)
    assert breaking(where({"type": "null"}), where({"type": "string"}), BOTH) == ["$ has another rule oneOf"]


def test_another_default_is_told_also_where_there_are_no_alternatives_any_more() -> None:
    told = breaking(schema("f", int | None, 1), schema("f", int, 2), BOTH)
    assert told == ["$.f may no longer be null", "$.f means 2 when it is absent, meant 1"]


def test_the_order_of_alternatives_breaks_nobody() -> None:
    assert not breaking(schema("f", Cat | Dog), schema("f", Dog | Cat), BOTH)
