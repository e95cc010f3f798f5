"""What is wrong with a body, all of it, each thing with a pointer to it (RFC 6901).

The decoder stops at the first fault and says where in words of its own. This walks over the type and the value side by
side, off the fast path, so it may be slow and thorough.
"""

from collections.abc import Iterator
from datetime import datetime
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Raw, Struct, UnsetType

from onhand.gateway.fields import OUT_OF_REACH, describe, within_reach
from onhand.gateway.problems import Violation

_MAX_NAME = 100
_UNKNOWN = "is not a field of this request"


class Body(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A body, or an object in one.

    Attributes:
        TOGETHER: what JSON Schema can say of what `wrong_together` looks at, for the OpenAPI document.
    """

    TOGETHER: ClassVar[dict[str, Any]] = {}

    @classmethod
    def wrong_together(cls, given: dict[str, Any]) -> Iterator[Violation]:  # noqa: ARG003  # for those that override it
        """What is wrong with fields that may be right one by one.

        Args:
            given: the fields by their JSON names, as they came; each may be wrong.
        """
        yield from ()


def violations_of(value: Any, kind: Any, pointer: str = "") -> Iterator[Violation]:  # noqa: ANN401  # JSON and its type
    """Tell all that is wrong with a value.

    Args:
        value: as `json.loads` returns it.
        kind: the type that it should have: a struct, a union of tagged ones, or what their fields are.
        pointer: to the value.
    """
    inner, bounds = _unwrap(kind)
    origin = get_origin(inner)
    if origin in (Union, UnionType):
        yield from _of_tagged(value, get_args(inner), pointer)
    elif isinstance(inner, type) and issubclass(inner, Struct):
        yield from _of_object(value, inner, pointer)
    elif origin is tuple:
        yield from _of_list(value, get_args(inner)[0], bounds, pointer)
    elif origin is dict:
        yield from _of_map(value, get_args(inner), bounds, pointer)
    elif inner is Raw:
        return  # whoever decodes it says what is wrong with it
    elif origin is Literal:
        if value not in get_args(inner):
            yield Violation(f"must be one of {', '.join(get_args(inner))}", pointer=pointer)
    else:
        yield from _of_leaf(value, kind, pointer)


def _unwrap(kind: Any) -> tuple[Any, Meta]:  # noqa: ANN401  # a type, as Python has them
    """Take off what says that a field may be absent, and its bounds."""
    bounds = Meta()
    if get_origin(kind) in (Union, UnionType):
        members = [member for member in get_args(kind) if member is not UnsetType]
        kind = members[0] if len(members) == 1 else kind
    if get_origin(kind) is Annotated:
        kind, bounds = get_args(kind)
    return kind, bounds


def _of_tagged(value: Any, kinds: tuple[type[Struct], ...], pointer: str) -> Iterator[Violation]:  # noqa: ANN401  # JSON
    if not isinstance(value, dict):
        yield Violation("must be an object", pointer=pointer)
        return
    by_tag = {kind.__struct_config__.tag: kind for kind in kinds}
    field = str(kinds[0].__struct_config__.tag_field)
    tag = value.get(field)
    if field not in value:
        yield Violation("is missing", pointer=f"{pointer}/{field}")
    elif isinstance(tag, str) and tag in by_tag:
        yield from _of_object(value, by_tag[tag], pointer)
    else:
        yield Violation(f"must be one of {', '.join(map(str, by_tag))}", pointer=f"{pointer}/{field}")


def _of_object(value: Any, kind: type[Struct], pointer: str) -> Iterator[Violation]:  # noqa: ANN401  # JSON
    if not isinstance(value, dict):
        yield Violation("must be an object", pointer=pointer)
        return
    fields = msgspec.structs.fields(kind)
    for field in fields:
        if field.encode_name in value:
            yield from violations_of(value[field.encode_name], field.type, f"{pointer}/{field.encode_name}")
        elif field.required:
            yield Violation("is missing", pointer=f"{pointer}/{field.encode_name}")
    known = {field.encode_name for field in fields} | {kind.__struct_config__.tag_field}
    for name in value:
        if name not in known:
            yield Violation(_UNKNOWN, pointer=f"{pointer}/{_token(name)}")
    if issubclass(kind, Body):
        yield from kind.wrong_together(value)


def _of_list(value: Any, item: Any, bounds: Meta, pointer: str) -> Iterator[Violation]:  # noqa: ANN401  # JSON and its type
    if not isinstance(value, list):
        yield Violation("must be a list", pointer=pointer)
    elif len(value) < (bounds.min_length or 0):
        yield Violation("must not be empty", pointer=pointer)
    elif bounds.max_length is not None and len(value) > bounds.max_length:
        yield Violation(f"must have at most {bounds.max_length} items", pointer=pointer)
    else:
        for number, it in enumerate(value):
            yield from violations_of(it, item, f"{pointer}/{number}")


def _of_map(value: Any, kinds: tuple[Any, ...], bounds: Meta, pointer: str) -> Iterator[Violation]:  # noqa: ANN401  # JSON
    key_kind, value_kind = kinds
    if not isinstance(value, dict):
        yield Violation("must be an object", pointer=pointer)
    elif bounds.max_length is not None and len(value) > bounds.max_length:
        yield Violation(f"must have at most {bounds.max_length} fields", pointer=pointer)
    else:
        for name, it in value.items():
            where = f"{pointer}/{_token(name)}"
            wrong_name = [f"its name {wrong.detail}" for wrong in violations_of(name, key_kind)]
            wrong_value = [wrong.detail for wrong in violations_of(it, value_kind)]
            if wrong_name or wrong_value:
                yield Violation("; ".join(wrong_name + wrong_value), pointer=where)


def _of_leaf(value: Any, kind: Any, pointer: str) -> Iterator[Violation]:  # noqa: ANN401  # JSON and its type
    try:
        converted = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        yield Violation(describe(error), pointer=pointer)
        return
    if isinstance(converted, datetime) and not within_reach(converted):
        yield Violation(OUT_OF_REACH, pointer=pointer)


def _token(name: str) -> str:
    """A client's own name as a part of a pointer; not longer than a person wants to read."""
    printable = name[:_MAX_NAME].encode(errors="backslashreplace").decode()
    return printable.replace("~", "~0").replace("/", "~1")
